//! Where lines of JSON go: standard output, a file, or a server that may come and go.

use std::{
    fs,
    io::Write,
    net::{TcpStream, ToSocketAddrs as _},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::super::Context;

/// Lines that wait for a server.
const QUEUE: usize = 1024;
/// Longest that connecting or sending may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest pause between two attempts to connect.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// One place.
enum Place {
    Stdout,
    File(fs::File, String),
    Server(Server),
}

/// All places that lines go to.
pub(crate) struct Outputs(Vec<Place>);

impl Outputs {
    /// - `names`: `-`, `tcp:HOST:PORT`, or a file that lines are appended to
    pub(crate) fn open(names: &[String]) -> anyhow::Result<Self> {
        let mut places = Vec::new();
        for name in names {
            places.push(match name.strip_prefix("tcp:") {
                Some(address) => Place::Server(Server::start(address)?),
                None if name == "-" => Place::Stdout,
                None if name.starts_with("mqtt:") => {
                    bail!("{name}: MQTT is not built in; `tcp:HOST:PORT` sends the same lines to anything that bridges them")
                }
                None => {
                    let file = fs::OpenOptions::new().create(true).append(true).open(name);
                    Place::File(file.with_context(|| format!("cannot write {name}"))?, name.clone())
                }
            });
        }
        Ok(Self(places))
    }

    /// Sends a line everywhere; a server that is slow or away does not hold anybody up.
    pub(crate) fn send(&mut self, line: &Value, context: &Context) -> anyhow::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        for place in &mut self.0 {
            match place {
                Place::Stdout => context.write(&bytes)?,
                Place::File(file, name) => {
                    file.write_all(&bytes).with_context(|| format!("cannot write {name}"))?;
                }
                Place::Server(server) => server.send(&bytes),
            }
        }
        Ok(())
    }

    /// Lines that servers did not get.
    pub(crate) fn dropped(&self) -> u64 {
        let dropped = |place: &Place| match place {
            Place::Server(server) => server.dropped.load(Ordering::Relaxed),
            Place::Stdout | Place::File(..) => 0,
        };
        self.0.iter().map(dropped).sum()
    }
}

/// A connection that is made anew whenever it breaks, behind a queue of bounded length.
struct Server {
    queue: Option<SyncSender<Vec<u8>>>,
    dropped: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(address: &str) -> anyhow::Result<Self> {
        if address.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            bail!("tcp:{address}: an output over TCP is tcp:HOST:PORT");
        }
        let (queue, lines) = mpsc::sync_channel(QUEUE);
        let (dropped, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (lost, ends, address) = (dropped.clone(), stop.clone(), address.to_owned());
        let body = move || serve(&address, &lines, &lost, &ends);
        let thread = thread::Builder::new().name("phy-sec output".into()).spawn(body)?;
        Ok(Self { queue: Some(queue), dropped, stop, thread: Some(thread) })
    }

    fn send(&self, line: &[u8]) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(line.to_vec()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Server {
    /// What waits is sent if that takes no longer than a few seconds.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(address: &str, lines: &Receiver<Vec<u8>>, dropped: &AtomicU64, stop: &AtomicBool) {
    let mut connection: Option<TcpStream> = None;
    let (mut backoff, mut next_attempt) = (Duration::from_millis(100), Instant::now());
    let mut ends_by = None;
    let mut waiting: Option<Vec<u8>> = None;
    loop {
        if waiting.is_none() {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => waiting = Some(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if stop.load(Ordering::Relaxed)
            && Instant::now() > *ends_by.get_or_insert_with(|| Instant::now() + PATIENCE)
        {
            dropped.fetch_add(
                waiting.iter().count() as u64 + lines.try_iter().count() as u64,
                Ordering::Relaxed,
            );
            return;
        }
        if connection.is_none() && Instant::now() >= next_attempt {
            connection = connect(address);
            backoff = if connection.is_some() {
                Duration::from_millis(100)
            } else {
                (backoff * 2).min(LONGEST_BACKOFF)
            };
            next_attempt = Instant::now() + backoff;
        }
        match (&mut connection, &waiting) {
            (Some(server), Some(line)) => match server.write_all(line) {
                Ok(()) => waiting = None,
                // A part of the line may have gone: the next connection gets the whole line again.
                Err(_) => connection = None,
            },
            (None, Some(_)) => thread::sleep(Duration::from_millis(50)),
            _ => {}
        }
    }
}

fn connect(address: &str) -> Option<TcpStream> {
    let addresses = address.to_socket_addrs().ok()?;
    let server = addresses.take(4).find_map(|address| TcpStream::connect_timeout(&address, PATIENCE).ok())?;
    server.set_write_timeout(Some(PATIENCE)).ok()?;
    server.set_nodelay(true).ok()?;
    Some(server)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn a_server_that_comes_late_gets_what_waits_and_one_that_never_comes_costs_lines_not_time() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let server = Server::start(&address).unwrap();
        server.send(b"first\n");
        thread::sleep(Duration::from_millis(50));
        let listener = TcpListener::bind(&address).unwrap();
        let mut lines = BufReader::new(listener.accept().unwrap().0).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "first");
        // It goes away and comes back: later lines arrive, though some may be lost in between.
        drop(lines);
        let sender = thread::spawn(move || {
            for k in 0..400 {
                server.send(format!("{k}\n").as_bytes());
                thread::sleep(Duration::from_millis(5));
            }
        });
        let mut lines = BufReader::new(listener.accept().unwrap().0).lines();
        assert!(lines.next().unwrap().unwrap().parse::<u32>().is_ok());
        drop(lines);
        drop(listener);
        sender.join().unwrap();

        let nobody = Server::start(&address).unwrap();
        let begun = Instant::now();
        (0..5000).for_each(|_| nobody.send(b"x\n"));
        assert!(nobody.dropped.load(Ordering::Relaxed) >= 5000 - QUEUE as u64 - 1);
        drop(nobody);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for name in ["tcp:x", "tcp::1", "tcp:x:y", "mqtt:x", "/nonexistent/folder/file"] {
            assert!(Outputs::open(&[name.into()]).is_err(), "{name}");
        }
    }
}
