/* Reading a mailer's settings. The main thread, or that of a reload. */
#include "mail_settings.h"

#include "ascii.h"
#include "libcurl.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "certificate_file.h"

enum {
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    DEFAULT_GREYLIST_WAIT_MS = 5 * 60 * 1000,
    DEFAULT_PAUSE_MS = 60 * 1000,
    DEFAULT_LOGIN_PAUSE_MS = 5 * 60 * 1000,
    PASSWORD_MAX = 4096,
};

/* What the relay's URL says. */
struct relay_url {
    bool is_tls;
    bool is_loopback;
};

static bool is_loopback(const char *host)
{
    struct in_addr address;
    if (inet_pton(AF_INET, host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
    return ascii_compare(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static bool relay_url_parse(struct relay_url *parsed, const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;
    if (good) {
        parsed->is_tls = strcmp(scheme, "smtps") == 0;
        parsed->is_loopback = is_loopback(host);
        good = *host && (parsed->is_tls || strcmp(scheme, "smtp") == 0);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(url);
    return good;
}

static void read_starttls(struct mail_settings *mail, ferry_settings *settings)
{
    static const char *const names[] = {
        [MAIL_STARTTLS_NONE] = "none",
        [MAIL_STARTTLS_TRY] = "try",
        [MAIL_STARTTLS_REQUIRE] = "require",
    };
    const char *text =
        ferry_settings_string(settings, "starttls", mail->relay.username ? "require" : "try");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            mail->relay.starttls = (enum mail_starttls)i;
            return;
        }
    }
    ferry_settings_fail(settings, "starttls", "starttls: none, try or require");
}

/* It is read for each message; but one that is not there now is told now, like every other. */
static void check_token_file(const char *path, ferry_settings *settings)
{
    struct bytes token = {0};
    ferry_error error;
    if (bytes_read_secret(&token, path, MAIL_TOKEN_MAX_BYTES, &error) < 0)
        ferry_settings_fail(settings, "oauth_token_file", "%s", error.message);
    bytes_fini(&token);
}

static void read_password(struct mail_settings *mail, ferry_settings *settings)
{
    const char *path = ferry_settings_string(settings, "password_file", NULL);
    const char *token = ferry_settings_string(settings, "oauth_token_file", NULL);
    struct bytes password = {0};
    ferry_error error;
    mail->relay.oauth_token_file = token;
    if (token)
        check_token_file(token, settings);
    if (path && token)
        ferry_settings_fail(settings, "oauth_token_file",
                            "either password_file or oauth_token_file, not both");
    else if (!mail->relay.username != !(path || token))
        ferry_settings_fail(settings, mail->relay.username ? "password_file" : "username",
                            "username and password_file (or oauth_token_file) belong together");
    if (!path)
        return;
    if (bytes_read_secret(&password, path, PASSWORD_MAX, &error) < 0)
        ferry_settings_fail(settings, "password_file", "%s", error.message);
    while (password.length > 0 && strchr("\r\n", password.data[password.length - 1]))
        password.data[--password.length] = '\0';
    mail->password = bytes_take(&password);
    mail->relay.password = mail->password;
}

/* A file that nobody looks at would be taken for a check that is not made. */
static void check_ca_file(const struct mail_relay_options *relay, bool is_tls,
                          ferry_settings *settings)
{
    ferry_error problem;
    if (!is_tls && relay->starttls != MAIL_STARTTLS_REQUIRE)
        ferry_settings_fail(settings, "ca_file",
                            "ca_file: the relay's certificate is only checked with starttls: "
                            "require, or smtps://");
    else if (certificate_file_check(relay->ca_file, &problem) < 0)
        ferry_settings_fail(settings, "ca_file", "%s", problem.message);
}

static void read_relay(struct mail_settings *mail, ferry_settings *settings)
{
    struct mail_relay_options *relay = &mail->relay;
    struct relay_url url = {0};
    relay->url = ferry_settings_string(settings, "relay", NULL);
    relay->username = ferry_settings_string(settings, "username", NULL);
    relay->ca_file = ferry_settings_string(settings, "ca_file", NULL);
    relay->timeout_ms = ferry_settings_duration_ms(settings, "timeout", DEFAULT_TIMEOUT_MS);
    read_starttls(mail, settings);
    read_password(mail, settings);
    if (relay->timeout_ms <= 0)
        ferry_settings_fail(settings, "timeout", "timeout: must be more than 0");
    if (!relay->url)
        return;
    const char *wrong = libcurl_load();
    if (wrong)
        ferry_settings_fail(settings, "relay", "libcurl: %s", wrong);
    else if (!relay_url_parse(&url, relay->url))
        ferry_settings_fail(settings, "relay",
                            "relay: smtp://HOST:PORT or smtps://HOST:PORT, the name and password "
                            "by username and password_file");
    else if (relay->username && !url.is_tls && !url.is_loopback &&
             relay->starttls != MAIL_STARTTLS_REQUIRE)
        ferry_settings_fail(settings, "starttls",
                            "starttls: must be \"require\" with a username, or the password could "
                            "go over the network in the clear");
    else if (relay->ca_file)
        check_ca_file(relay, url.is_tls, settings);
}

static void read_pauses(struct mail_settings *mail, ferry_settings *settings)
{
    mail->greylist_wait_ms =
        ferry_settings_duration_ms(settings, "greylist_wait", DEFAULT_GREYLIST_WAIT_MS);
    mail->pause_ms = ferry_settings_duration_ms(settings, "pause", DEFAULT_PAUSE_MS);
    mail->login_pause_ms =
        ferry_settings_duration_ms(settings, "login_pause", DEFAULT_LOGIN_PAUSE_MS);
}

static void read_templates(struct mail_settings *mail, ferry_settings *settings)
{
    struct stat status;
    mail->templates = ferry_settings_string(settings, "templates", NULL);
    if (mail->templates && (stat(mail->templates, &status) < 0 || !S_ISDIR(status.st_mode)))
        ferry_settings_fail(settings, "templates", "%s: there is no such folder", mail->templates);
}

int mail_settings_read(struct mail_settings *mail, ferry_settings *settings)
{
    *mail = (struct mail_settings){0};
    read_relay(mail, settings);
    read_pauses(mail, settings);
    read_templates(mail, settings);
    const char *from = ferry_settings_string(settings, "from", "ferry <ferry@localhost>");
    ferry_error problem;
    if (mail_address_parse(&mail->from, "from", from, &problem) < 0)
        ferry_settings_fail(settings, "from", "%s", problem.message);
    const char *outbox = ferry_settings_string(settings, "outbox", NULL);
    mail->outbox =
        outbox ? strdup(outbox) : text_printf("%s/outbox", ferry_settings_state_dir(settings));
    return mail->outbox ? 0 : FERRY_INTERNAL;
}

void mail_settings_fini(struct mail_settings *mail)
{
    mail_address_fini(&mail->from);
    free(mail->password);
    free(mail->outbox);
}
