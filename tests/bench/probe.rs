//! A phone of our own for one figure that SIPp cannot take: it tells times in whole milliseconds.
//!
//! It places one call after the other on a socket on loopback, and takes the time from the INVITE that carries the credentials
//! to the 200: the way of the call in, the application's first instruction, and its way out.

use std::{
    net::UdpSocket,
    process::Command,
    time::{Duration, Instant},
};

use md5::{Digest, Md5};

use crate::{
    cpu,
    server::{Endpoint, Server},
};

/// How long an answer may take before the probe gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Times from INVITE to 200, in milliseconds, sorted.
pub(crate) fn answer_times(server: &Server, extension: &str, calls: u32) -> Result<Vec<f64>, String> {
    let _pinned = Pinned::to_load_generator()?;
    let caller = server.tenant.endpoint("102")?;
    let mut times = Vec::new();
    for number in 0..calls {
        let mut phone = Phone::new(server, caller, extension, number)?;
        times.push(phone.call().map_err(|error| format!("probe: call {number}: {error}"))?.as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The phone for one call.
struct Phone<'a> {
    socket: UdpSocket,
    /// Held so that nothing else hears the audio; nobody reads it.
    media: UdpSocket,
    caller: &'a Endpoint,
    domain: &'a str,
    extension: &'a str,
    /// Makes identifiers of this call unlike those of others.
    number: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

impl<'a> Phone<'a> {
    fn new(server: &'a Server, caller: &'a Endpoint, extension: &'a str, number: u32) -> Result<Self, String> {
        let open = || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(server.sip)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok((socket, UdpSocket::bind("127.0.0.1:0")?))
        };
        let (socket, media) = open().map_err(|error: std::io::Error| format!("probe: {error}"))?;
        let domain = &server.tenant.domain;
        Ok(Self { socket, media, caller, domain, extension, number, sequence: 0, buffer: vec![0; 65_536] })
    }

    /// The whole call, until the server hangs up.
    fn call(&mut self) -> Result<Duration, String> {
        self.invite("")?;
        let challenged = self.answer("401")?;
        self.acknowledge(&challenged)?;
        let authorization = self.authorization(&challenged)?;
        let begun = Instant::now();
        self.invite(&authorization)?;
        let answered = self.answer("200")?;
        let time = begun.elapsed();
        self.acknowledge(&answered)?;
        let bye = self.message(|text| text.starts_with("BYE "))?;
        let copied: Vec<&str> = ["via", "from", "to", "call-id", "cseq"]
            .iter()
            .flat_map(|name| bye.lines().filter(move |line| header_name(line).eq_ignore_ascii_case(name)))
            .collect();
        self.send(&format!("SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n", copied.join("\r\n")))?;
        Ok(time)
    }

    fn invite(&mut self, authorization: &str) -> Result<(), String> {
        self.sequence += 1;
        let port = self.media.local_addr().map_err(|error| error.to_string())?.port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 101\r\n\
             a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
        );
        let head = self.head("INVITE", "")?;
        let own = self.own()?;
        self.send(&format!(
            "{head}Contact: <sip:{}@{own}>\r\n{authorization}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            self.caller.name,
            sdp.len()
        ))
    }

    /// RFC 3261 §17.1.1.3: the ACK of a refusal has the branch of its INVITE. That of a 200 should have its own; the server
    /// tells them apart by the dialog.
    fn acknowledge(&self, response: &str) -> Result<(), String> {
        let to = header(response, "to").ok_or("no To")?;
        let tag = to.split_once(";tag=").map_or("", |(_, tag)| tag);
        self.send(&format!("{}Content-Length: 0\r\n\r\n", self.head("ACK", tag)?))
    }

    fn head(&self, method: &str, tag: &str) -> Result<String, String> {
        let Self { caller, domain, extension, number, sequence, .. } = self;
        let (own, name) = (self.own()?, &caller.name);
        let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        Ok(format!(
            "{method} sip:{extension}@{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{number}-{sequence}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{name}@{domain}>;tag=p{number}\r\nTo: <sip:{extension}@{domain}>{tag}\r\n\
             Call-ID: probe-{number}@{own}\r\nCSeq: {sequence} {method}\r\n"
        ))
    }

    /// RFC 7616 with MD5 and `qop=auth`.
    fn authorization(&self, challenged: &str) -> Result<String, String> {
        let challenge = header(challenged, "www-authenticate").ok_or("no challenge")?;
        let value = |name: &str| {
            let quoted = challenge.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            quoted.ok_or_else(|| format!("no {name} in {challenge}"))
        };
        let (realm, nonce) = (value("realm")?, value("nonce")?);
        let (name, secret) = (&self.caller.name, &self.caller.secret);
        let uri = format!("sip:{}@{}", self.extension, self.domain);
        let ha1 = md5_hex(&format!("{name}:{realm}:{secret}"));
        let ha2 = md5_hex(&format!("INVITE:{uri}"));
        let response = md5_hex(&format!("{ha1}:{nonce}:00000001:probe:auth:{ha2}"));
        Ok(format!(
            "Authorization: Digest username=\"{name}\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{uri}\",algorithm=MD5,\
             qop=auth,nc=00000001,cnonce=\"probe\",response=\"{response}\"\r\n"
        ))
    }

    /// The response of this status to the last INVITE; provisional ones are passed over, another final one is an error.
    fn answer(&mut self, status: &str) -> Result<String, String> {
        let sequence = format!("{} INVITE", self.sequence);
        let response = self.message(|text| {
            text.starts_with("SIP/2.0 ")
                && !text.starts_with("SIP/2.0 1")
                && header(text, "cseq").is_some_and(|cseq| cseq == sequence)
        })?;
        match response.strip_prefix("SIP/2.0 ").is_some_and(|rest| rest.starts_with(status)) {
            true => Ok(response),
            false => Err(format!("not {status}: {}", response.lines().next().unwrap_or_default())),
        }
    }

    fn message(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        loop {
            let length = self.socket.recv(&mut self.buffer).map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&self.buffer[..length]);
            if wanted(&text) {
                return Ok(text.into_owned());
            }
        }
    }

    fn send(&self, text: &str) -> Result<(), String> {
        self.socket.send(text.as_bytes()).map(drop).map_err(|error| error.to_string())
    }

    fn own(&self) -> Result<String, String> {
        self.socket.local_addr().map(|address| address.to_string()).map_err(|error| error.to_string())
    }
}

fn header_name(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim()
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let line = message.lines().find(|line| header_name(line).eq_ignore_ascii_case(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn md5_hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This program on the load generator's core, as long as the value lives.
pub(crate) struct Pinned {
    before: String,
}

impl Pinned {
    pub(crate) fn to_load_generator() -> Result<Self, String> {
        let before = cpu::allowed()?;
        let (_, core) = cpu::cores()?;
        pin(&core.to_string())?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = pin(&self.before) {
            eprintln!("bench: {error}");
        }
    }
}

fn pin(cores: &str) -> Result<(), String> {
    let own = std::process::id().to_string();
    let output = Command::new("taskset").args(["-cp", cores, &own]).output();
    let output = output.map_err(|error| format!("taskset: {error}"))?;
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}
