//! Processor time per OPTIONS request answered, over UDP and TCP: `cargo run --release -p net --example options_cost`.
//!
//! The server runs in this process on one thread and reads its own user and system time; the load comes from another
//! process (this program again), so that its time does not count.

use std::{
    env,
    error::Error,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    process::Command as Process,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::sip_driver::{Listener, SipConfig, SipDriver, SipSink};
use sip::endpoint::{Command, Event, Transport};

/// Requests per measurement.
const REQUESTS: u64 = 200_000;
/// Requests that the load generator has under way at once.
const WINDOW: u64 = 32;

struct Ok200;

impl SipSink for Ok200 {
    fn handle_event(&self, _now: Instant, event: Event, commands: &mut Vec<Command>) {
        if let Event::Request { transaction, .. } = event {
            commands.push(Command::Respond {
                transaction,
                status: 200,
                reason: None,
                headers: Vec::new(),
                body: Bytes::new(),
            });
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    match arguments.as_slice() {
        [_, transport, address, run] => load(transport, address.parse()?, run.parse()?),
        _ => serve(),
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shards = env::var("SHARDS").map_or(Ok(1), |text| text.parse())?;
    runtime.block_on(async {
        let loopback: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let listeners = vec![Listener::new(Transport::Udp, loopback), Listener::new(Transport::Tcp, loopback)];
        // Without room for the transactions of the last 32 s (timer J) the measurement would be one of refusals.
        let limits = sip::endpoint::Limits { server_transactions: 8_000_000, ..sip::endpoint::Limits::default() };
        let config = SipConfig { listeners, shards, limits, ..SipConfig::default() };
        let driver = SipDriver::start(config, Arc::new(Ok200), None)?;
        for run in 0..3 {
            for (transport, address) in driver.local_addresses().to_vec() {
                let before = cpu()?;
                let name = transport.uri_name();
                let arguments = [name.to_owned(), address.to_string(), run.to_string()];
                let status =
                    tokio::process::Command::from(Process::new(env::current_exe()?)).args(arguments).status().await?;
                let microseconds = (cpu()? - before).as_secs_f64() * 1e6 / REQUESTS as f64;
                println!("{name}: {microseconds:.2} µs a request, {status}");
            }
        }
        println!("{:?}", driver.handle().counters());
        driver.stop().await;
        Ok(())
    })
}

/// User and system time of this process.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let nanoseconds = fs::read_to_string("/proc/self/schedstat")?;
    let first = nanoseconds.split(' ').next().ok_or("no figure")?;
    Ok(Duration::from_nanos(first.parse()?))
}

fn request(name: &str, run: u64, number: u64) -> String {
    let unique = format!("{name}-{run}-{number}");
    format!(
        "OPTIONS sip:100@acme.test SIP/2.0\r\nVia: SIP/2.0/{} 127.0.0.1:5070;rport;branch=z9hG4bK-{unique}\r\n\
        Max-Forwards: 70\r\nFrom: <sip:monitor@acme.test>;tag={unique}\r\nTo: <sip:100@acme.test>\r\n\
        Call-ID: {unique}@127.0.0.1\r\nCSeq: 1 OPTIONS\r\nContact: <sip:monitor@127.0.0.1:5070>\r\n\
        Accept: application/sdp\r\nUser-Agent: load\r\nContent-Length: 0\r\n\r\n",
        name.to_uppercase()
    )
}

fn load(name: &str, server: SocketAddr, run: u64) -> Result<(), Box<dyn Error>> {
    if name == "tcp" {
        return load_tcp(server, run);
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut buffer = [0; 2_048];
    for number in 0..REQUESTS + WINDOW {
        if number >= WINDOW {
            let length = socket.recv(&mut buffer)?;
            assert!(buffer[..length].starts_with(b"SIP/2.0 200"), "{}", String::from_utf8_lossy(&buffer[..length]));
        }
        if number < REQUESTS {
            socket.send(request(name, run, number).as_bytes())?;
        }
    }
    Ok(())
}

fn load_tcp(server: SocketAddr, run: u64) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    let (mut sent, mut answered) = (0, 0);
    let (mut text, mut buffer) = (Vec::new(), [0; 65_536]);
    while answered < REQUESTS {
        while sent < REQUESTS && sent < answered + WINDOW {
            stream.write_all(request("tcp", run, sent).as_bytes())?;
            sent += 1;
        }
        let length = stream.read(&mut buffer)?;
        text.extend_from_slice(&buffer[..length]);
        let mut done = 0;
        while let Some(end) = text[done..].windows(4).position(|window| window == b"\r\n\r\n") {
            assert!(text[done..].starts_with(b"SIP/2.0 200"));
            done += end + 4;
            answered += 1;
        }
        text.drain(..done);
    }
    Ok(())
}
