//! hyper_pool PORT THREADS: tokio and hyper; what blocks goes through spawn_blocking, to so many threads.
//! On one core the runtime is current_thread: multi_thread was no faster there.

use hyper::service::{make_service_fn, service_fn};
use hyper::{header, Body, Request, Response, Server, StatusCode};
use std::convert::Infallible;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

const SPIN_STEPS: u32 = 100_000;

/// The same steps as bench/peers/spin/spin.h.
fn spin() -> u64 {
    let mut x: u64 = 88172645463325252;
    for _ in 0..SPIN_STEPS {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        unsafe { std::arch::asm!("/* {0} */", inout(reg) x) }; // every step is taken
    }
    x
}

fn sleep_time(query: Option<&str>) -> Option<Duration> {
    let (unit, number) = query?.split_once('=')?;
    let number: f64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_secs_f64(number / 1000.0)),
        "seconds" => Some(Duration::from_secs_f64(number)),
        _ => None,
    }
}

async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let found = match request.uri().path() {
        "/livez" => true,
        "/noop" => spawn_blocking(|| true).await.unwrap_or(false),
        "/spin" => spawn_blocking(|| spin() != 0).await.unwrap_or(false),
        "/sleep" => match sleep_time(request.uri().query()) {
            Some(time) => spawn_blocking(move || std::thread::sleep(time)).await.is_ok(),
            None => false,
        },
        _ => false,
    };
    let mut response = Response::new(Body::from("ok"));
    if !found {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn serve(port: u16) {
    let make = make_service_fn(|_| async { Ok::<_, Infallible>(service_fn(answer)) });
    Server::bind(&([127, 0, 0, 1], port).into())
        .tcp_nodelay(true)
        .serve(make)
        .await
        .unwrap();
}

fn main() {
    let number = |n| std::env::args().nth(n).and_then(|word| word.parse::<usize>().ok());
    let (port, threads) = (number(1).expect("PORT"), number(2).expect("THREADS"));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut builder = if cores > 1 {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    builder
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .unwrap()
        .block_on(serve(port as u16));
}
