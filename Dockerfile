# ferry as a container: docker build -t ferry . && docker run -p 8002:8002 -v ferry:/var/lib/ferry ferry
#
# A config of your own goes to /etc/ferry/ferry.yaml. What is set below stands above it.

FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN ./dev build && strip build/release/ferry

FROM debian:12-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libevent-core-2.1-7 libevent-openssl-2.1-7 \
        libfyaml0 libjansson4 libsqlite3-0 libssl3 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 990 --home-dir /var/lib/ferry --shell /usr/sbin/nologin ferry \
    && install -d -o ferry -g ferry -m 0700 /var/lib/ferry
COPY --from=build /src/build/release/ferry /usr/bin/
COPY conf/ferry.yaml /etc/ferry/
COPY conf/docker-entrypoint.sh /usr/local/bin/

USER ferry
WORKDIR /var/lib/ferry
VOLUME /var/lib/ferry
ENV FERRY_LISTEN=0.0.0.0:8002 \
    FERRY_STATE=/var/lib/ferry

# The dashboard, and jobs and metrics of everyone, are on the admin port, 8003. It is open to the
# outside only with a token: FERRY_ADMIN__TOKEN_FILE=/run/secrets/... opens it
# (conf/docker-entrypoint.sh).
EXPOSE 8002

# bash speaks TCP; an HTTP client would be one more package.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["bash", "-c", "\
    exec 3<>/dev/tcp/127.0.0.1/8002 && \
    printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && \
    read -r -t 4 version status rest <&3 && [ \"$status\" = 200 ]"]

# SIGTERM drains for up to `drain` (30s): give it as long, `docker stop --time 35`. What a program of
# exec leaves behind in a session of its own stays a zombie without `docker run --init`.
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["serve", "-c", "/etc/ferry/ferry.yaml"]
