//! A service that speaks as much of S3 as a state needs, held to what Amazon documents: conditional writes (412 where `If-None-Match: *` finds an object or `If-Match`
//! another version, 404 where there is none to match), strong consistency, listings in the order of names, `start-after`, pages.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

/// Names on one page: Amazon has 1000; fewer show sooner that pages are followed.
const PAGE: usize = 7;

/// A running one, with one bucket: `state`.
#[derive(Clone)]
pub struct S3 {
    url: String,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    objects: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    heedless: bool,
    lose: Option<String>,
}

impl S3 {
    /// Starts one for the rest of the test's process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shelf = Arc::<Mutex<Shelf>>::default();
        let s3 = Self { url, shelf: shelf.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = shelf.clone();
                std::thread::spawn(move || while talk(&stream, &shelf).is_some() {});
            }
        });
        s3
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it ignores conditions, as some services do.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn ignore_conditions(&self) {
        self.shelf().heedless = true;
    }

    /// The next write to a name that begins so arrives, and its answer does not.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn lose_an_answer(&self, prefix: &str) {
        self.shelf().lose = Some(prefix.to_owned());
    }

    /// The names of all objects.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn names(&self) -> Vec<String> {
        self.shelf().objects.keys().cloned().collect()
    }

    /// An object.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn object(&self, name: &str) -> Option<Vec<u8>> {
        self.shelf().objects.get(name).cloned()
    }

    /// Puts an object there, whatever stands there.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.shelf().objects.insert(name.to_owned(), bytes.to_vec());
    }

    /// Every request so far: `PUT state/acme/lock`.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn asked(&self) -> Vec<String> {
        self.shelf().asked.clone()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().expect("a shelf")
    }
}

struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

fn talk(stream: &TcpStream, shelf: &Mutex<Shelf>) -> Option<()> {
    let asked = hear(stream)?;
    let signed = asked.headers.get("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 Credential="));
    let mut shelf = shelf.lock().expect("a shelf");
    let name = asked.path.trim_start_matches('/').to_owned();
    shelf.asked.push(format!("{} {name}", asked.method));
    let answer = if signed { shelf.answer(&asked) } else { wrong(403, "AccessDenied") };
    let name = name.strip_prefix("state/").unwrap_or_default();
    if asked.method == "PUT" && shelf.lose.as_ref().is_some_and(|prefix| name.starts_with(prefix.as_str())) {
        shelf.lose = None;
        return None;
    }
    drop(shelf);
    let Answer { status, headers, body } = answer;
    let length = if headers.contains("content-length") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!("HTTP/1.1 {status} X\r\nx-amz-request-id: 1\r\n{headers}{length}\r\n");
    // In one piece: each further one would wait until the one before is acknowledged, which takes 40 ms.
    let mut stream = stream;
    stream.write_all(&[head.as_bytes(), &body].concat()).ok()
}

impl Shelf {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let Some(name) = asked.path.strip_prefix("/state") else { return wrong(404, "NoSuchBucket") };
        let name = name.trim_start_matches('/');
        match (asked.method.as_str(), name) {
            ("GET", "") => self.list(asked),
            ("GET" | "HEAD", name) => match self.objects.get(name) {
                None => wrong(404, "NoSuchKey"),
                Some(bytes) => {
                    let headers = format!("etag: {}\r\nlast-modified: {}\r\ncontent-length: {}\r\n", etag(bytes), http_date(), bytes.len());
                    let body = if asked.method == "GET" { bytes.clone() } else { Vec::new() };
                    Answer { status: 200, headers, body }
                }
            },
            ("PUT", name) => self.put(name, asked),
            ("DELETE", name) => {
                self.objects.remove(name);
                Answer { status: 204, headers: String::new(), body: Vec::new() }
            }
            _ => wrong(405, "MethodNotAllowed"),
        }
    }

    fn put(&mut self, name: &str, asked: &Asked) -> Answer {
        let stands = self.objects.get(name).map(|bytes| etag(bytes));
        let header = |name: &str| asked.headers.get(name).filter(|_| !self.heedless);
        if header("if-none-match").is_some_and(|value| value == "*") && stands.is_some() {
            return wrong(412, "PreconditionFailed");
        }
        match (header("if-match"), &stands) {
            (Some(_), None) => return wrong(404, "NoSuchKey"),
            (Some(wanted), Some(stands)) if wanted != stands => return wrong(412, "PreconditionFailed"),
            _ => {}
        }
        self.objects.insert(name.to_owned(), asked.body.clone());
        Answer { status: 200, headers: format!("etag: {}\r\n", etag(&asked.body)), body: Vec::new() }
    }

    fn list(&self, asked: &Asked) -> Answer {
        let of = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
        let (prefix, after) = (of("prefix"), of("continuation-token").max(of("start-after")));
        let mut fits = self.objects.iter().filter(|(name, _)| name.starts_with(&prefix) && **name > after);
        let page: Vec<_> = fits.by_ref().take(PAGE).collect();
        let more = fits.next().is_some();
        let entry = |(name, bytes): &(&String, &Vec<u8>)| {
            format!(
                "<Contents><Key>{name}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                iso_date(),
                etag(bytes).replace('"', "&quot;"),
                bytes.len()
            )
        };
        let entries: String = page.iter().map(entry).collect();
        let token = page.last().filter(|_| more).map(|(name, _)| format!("<NextContinuationToken>{name}</NextContinuationToken>"));
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>state</Name>\
             <Prefix>{prefix}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{PAGE}</MaxKeys><IsTruncated>{more}</IsTruncated>{}{entries}</ListBucketResult>",
            page.len(),
            token.unwrap_or_default()
        );
        Answer { status: 200, headers: "content-type: application/xml\r\n".to_owned(), body: body.into_bytes() }
    }
}

fn wrong(status: u16, code: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>");
    Answer { status, headers: "content-type: application/xml\r\n".to_owned(), body: body.into_bytes() }
}

/// Of equal bytes the same one, as Amazon's.
fn etag(bytes: &[u8]) -> String {
    let hash = |seed: u64| bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("\"{:016x}{:016x}\"", hash(0xcbf2_9ce4_8422_2325), hash(0x6c62_272e_07bb_0142))
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::try_from(SystemTime::now()).expect("a time")
}

fn http_date() -> String {
    now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn iso_date() -> String {
    now().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn hear(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decoded(name), decoded(value))).collect();
    Some(Asked { method, path: decoded(path), query, headers, body })
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        let two = if byte == b'%' { rest.next().zip(rest.next()) } else { None };
        let code = two.and_then(|(one, two)| u8::from_str_radix(std::str::from_utf8(&[one, two]).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
