//! Counters for Prometheus: a page of text over HTTP, and nothing else.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sdr_io::runtime::Counters;

/// Longest that one client may take, so that the next one gets its turn.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest request that is read.
const LONGEST: usize = 4096;

/// Answers on a port until it is dropped.
pub(crate) struct Server {
    page: Arc<Mutex<String>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
}

impl Server {
    /// - `address`: `127.0.0.1:9464`; a bare `:9464` is this computer only
    pub(crate) fn start(address: &str) -> anyhow::Result<Self> {
        let address = if let Some(port) = address.strip_prefix(':') {
            format!("127.0.0.1:{port}")
        } else {
            address.into()
        };
        let listener = TcpListener::bind(&address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (page, stop) = (Arc::<Mutex<String>>::default(), Arc::<AtomicBool>::default());
        let (served, ends) = (page.clone(), stop.clone());
        let body = move || {
            while !ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => {
                        // A client that goes away or misbehaves is its own trouble.
                        let _ = answer(client, &served);
                    }
                    Err(_) => thread::sleep(Duration::from_millis(20)),
                }
            }
        };
        let thread = thread::Builder::new().name("phy-sec metrics".into()).spawn(body)?;
        Ok(Self { page, stop, thread: Some(thread), address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is answered from now on.
    pub(crate) fn publish(&self, page: String) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = page;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut client: TcpStream, page: &Mutex<String>) -> std::io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    client.set_nonblocking(false)?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 512];
    // Up to the empty line; a client that drips its request is cut off by the deadline, not by the last byte.
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        client.set_read_timeout(Some(left))?;
        match client.read(&mut piece)? {
            0 => return Ok(()),
            n => request.extend_from_slice(&piece[..n]),
        }
    }
    let path = request.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let found = request.starts_with(b"GET ") && (path == b"/metrics" || path == b"/");
    let (status, body) = match found {
        true => ("200 OK", page.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        false => ("404 Not Found", "the page is /metrics\n".to_owned()),
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The page: names, what they are, and their values.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    /// One metric with its values, each with its label.
    pub(crate) fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: &[(String, f64)],
    ) -> &mut Self {
        let text = &mut self.0;
        let _ = writeln!(text, "# HELP phy_sec_{name} {help}\n# TYPE phy_sec_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "phy_sec_{name}{labels} {value}");
        }
        self
    }

    pub(crate) fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) -> &mut Self {
        self.family(name, kind, help, &[(String::new(), value)])
    }

    pub(crate) fn stream(&mut self, counters: &Counters) -> &mut Self {
        let seats = |value: fn(&sdr_io::runtime::SeatCounters) -> u64| -> Vec<(String, f64)> {
            counters
                .consumers
                .iter()
                .map(|seat| (format!("{{consumer=\"{}\"}}", seat.name), value(seat) as f64))
                .collect()
        };
        self.one("samples_total", "counter", "Samples of each channel that came.", counters.samples as f64)
            .one(
                "lost_samples_total",
                "counter",
                "Samples that the source said are missing.",
                counters.lost as f64,
            )
            .one(
                "uncounted_gaps_total",
                "counter",
                "Gaps of which nobody counted the samples.",
                counters.uncounted_gaps as f64,
            )
            .one("gaps_total", "counter", "All gaps.", counters.gaps as f64)
            .one(
                "restarts_total",
                "counter",
                "Times that the source was opened anew.",
                counters.restarts as f64,
            )
            .one(
                "silences_total",
                "counter",
                "Times that the source was silent for too long.",
                counters.silences as f64,
            )
            .one(
                "ring_fill_blocks",
                "gauge",
                "Blocks that wait for the slowest consumer.",
                counters.ring_fill as f64,
            )
            .one("ring_blocks", "gauge", "Blocks that the ring holds.", counters.ring as f64)
            .one("memory_blocks", "gauge", "Blocks of memory that exist.", counters.allocated as f64)
            .family(
                "dropped_samples_total",
                "counter",
                "Samples that a consumer was too slow for.",
                &seats(|s| s.dropped),
            )
            .family("drops_total", "counter", "How often that happened.", &seats(|s| s.drops))
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(address: SocketAddr, request: &str) -> String {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_slow_client_holds_up_nobody_for_long() {
        let server = Server::start("127.0.0.1:0").unwrap();
        let mut page = Page::default();
        page.stream(&Counters { samples: 42, consumers: vec![Default::default()], ..Counters::default() });
        server.publish(page.text());
        // Says nothing, and says it slowly.
        let silent = TcpStream::connect(server.address()).unwrap();
        let begun = Instant::now();
        let answer = get(server.address(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\nphy_sec_samples_total 42\n"), "{answer}");
        assert!(answer.contains("\nphy_sec_dropped_samples_total{consumer=\"\"} 0\n"), "{answer}");
        drop(silent);
        assert!(get(server.address(), "POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        // Longer than anything that is read: cut off, and the next one is served.
        let mut client = TcpStream::connect(server.address()).unwrap();
        let _ = client.write_all(&[b'a'; 100_000]);
        drop(client);
        assert!(get(server.address(), "GET / HTTP/1.0\r\n\r\n").contains("200 OK"));
    }
}
