//! A small HTTP/1.1 client on one connection that is kept open.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The runtime closes a connection that has been idle for 5 s; one that is nearly as old is not used again.
const IDLE_MAX: Duration = Duration::from_secs(3);

/// One connection to one server.
pub struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
    last_used: Instant,
    timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this (lower case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// The body as JSON, provided that the status is the expected one.
    ///
    /// # Errors
    /// When status or body is something else.
    pub fn expect(&self, status: u16) -> Result<Value> {
        if self.status != status {
            bail!("expected HTTP {status}, got {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        self.json()
    }
}

impl Client {
    /// Of a server at an origin such as `http://127.0.0.1:8787`; connects at the first request.
    pub fn new(origin: &str) -> Client {
        let address = origin.strip_prefix("http://").unwrap_or(origin).to_owned();
        Client { address, connection: None, last_used: Instant::now(), timeout: Duration::from_secs(90) }
    }

    /// Another connection to the same server, which gives up (and hangs up) after this long without a byte.
    pub fn sibling(&self, timeout: Duration) -> Client {
        Client { timeout, ..Client::new(&self.address) }
    }

    /// Sends a request and reads the whole response. Nothing is repeated: whether a request that failed was
    /// carried out is for the caller to find out.
    ///
    /// # Errors
    /// When the connection fails or what comes is not HTTP.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let mut request = request.into_bytes();
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body.unwrap_or_default());
        let mut connection = self.connect()?;
        connection.get_mut().write_all(&request)?;
        let (response, reusable) = read_response(&mut connection)?;
        if reusable {
            self.connection = Some(connection);
            self.last_used = Instant::now();
        }
        Ok(response)
    }

    /// A connection that is ours alone until it is put back; one that failed is not.
    fn connect(&mut self) -> Result<BufReader<TcpStream>> {
        if let Some(connection) = self.connection.take().filter(|_| self.last_used.elapsed() < IDLE_MAX) {
            return Ok(connection);
        }
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        Ok(BufReader::new(stream))
    }
}

/// A response and whether its connection can carry another request.
fn read_response(reader: &mut BufReader<TcpStream>) -> Result<(Response, bool)> {
    let status_line = read_line(reader)?;
    let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status: u16 = status.with_context(|| format!("not an HTTP status line: {status_line}"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { bail!("not a header: {line}") };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut response = Response { status, headers, body: Vec::new() };
    let length = response.header("content-length").and_then(|text| text.parse::<usize>().ok());
    if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        read_chunks(reader, &mut response.body)?;
    } else if let Some(length) = length {
        response.body.resize(length, 0);
        reader.read_exact(&mut response.body)?;
    } else if !matches!(status, 204 | 304) {
        reader.read_to_end(&mut response.body)?;
        return Ok((response, false));
    }
    let close = response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok((response, !close))
}

fn read_chunks(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let line = read_line(reader)?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)?;
        let begin = body.len();
        body.resize(begin + size, 0);
        reader.read_exact(body.get_mut(begin..).unwrap_or_default())?;
        read_line(reader)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        bail!("the server closed the connection");
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}
