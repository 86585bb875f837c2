//! A certificate authority of this machine's own, and a certificate for the names under which a demo is reached.
//!
//! Both are made at the first start and kept in the user's data folder. The authority is what a reader may trust: its
//! certificate says that it vouches for these names and no other (RFC 5280, 4.2.1.10), so a thief of its key gains little.
//! Browsers take no certificate of a server that is good for more than 398 days, and soon none of more than 47 days from a
//! public authority; this one is made for 90 days and made anew 30 days before its end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an authority vouches, and how long a certificate of its is good.
const AUTHORITY: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);
const CERTIFICATE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// So long before its end a certificate is made anew.
const RENEW: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Clocks differ: what is made now is good since an hour ago.
const SKEW: Duration = Duration::from_secs(60 * 60);

/// The name of the authority whose certificates a reader may trust.
pub const TITLE: &str = "Real-time web: an authority for this machine only";

/// The names that every certificate has.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The authority and its certificate for some names, in a folder of their own.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    title: &'static str,
    names: Vec<String>,
    /// The certificate in use, and when to look whether it must be made anew.
    current: Mutex<(Arc<CertifiedKey>, SystemTime)>,
}

impl Certificates {
    /// What is kept in this folder for these names (host names and addresses, besides those of loopback); what is missing,
    /// or ends soon, is made. `title` is the name of the authority, as a browser shows it.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub fn open(
        folder: &Path,
        title: &'static str,
        more_names: &[String],
    ) -> io::Result<Arc<Self>> {
        let loopback = LOOPBACK.map(str::to_string);
        let more = more_names.iter().filter(|name| !LOOPBACK.contains(&name.as_str()));
        let names: Vec<String> = loopback.into_iter().chain(more.cloned()).collect();
        let folder = match names.get(LOOPBACK.len()) {
            Some(name) => {
                folder.join(name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_"))
            }
            None => folder.to_path_buf(),
        };
        let current = Mutex::new(kept_or_made(&folder, title, &names)?);
        Ok(Arc::new(Certificates { folder, title, names, current }))
    }

    /// The authority's certificate as a file: what a browser is told to trust.
    pub fn authority_file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The store of a client that trusts this authority and no other.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn trusted(&self) -> io::Result<RootCertStore> {
        trusting(&read_certificate(&self.authority_file())?)
    }

    /// The certificate with its key; made anew when it ends soon.
    fn current(&self, now: SystemTime) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.1 {
            match kept_or_made(&self.folder, self.title, &self.names) {
                Ok(renewed) => *current = renewed,
                Err(error) => net::log(&format!("the certificate could not be made anew: {error}")),
            }
        }
        current.0.clone()
    }
}

impl ResolvesServerCert for Certificates {
    /// One certificate has all names, so what the client asks for in SNI does not matter (an address is never in SNI).
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current(SystemTime::now()))
    }
}

/// The folder where certificates are kept: `WSS_CERTIFICATES`, or one in the user's data folder.
///
/// # Errors
/// When the user has no data folder.
pub fn folder() -> io::Result<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("WSS_CERTIFICATES") {
        return Ok(folder);
    }
    let data = match std::env::consts::OS {
        "windows" => variable("LOCALAPPDATA"),
        "macos" => variable("HOME").map(|home| home.join("Library/Application Support")),
        _ => variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share"))),
    };
    let data =
        data.ok_or_else(|| io::Error::other("no data folder: set WSS_CERTIFICATES to a folder"))?;
    Ok(data.join("real-time-web").join("certificates"))
}

/// The certificate in the folder when it is good for a while yet; otherwise a new one. With it the time to look again.
fn kept_or_made(
    folder: &Path,
    title: &str,
    names: &[String],
) -> io::Result<(Arc<CertifiedKey>, SystemTime)> {
    make_folder(folder)?;
    let lock = private(OpenOptions::new().write(true).create(true)).open(folder.join("lock"))?;
    lock.lock()?; // two demos may start at once; it is given back when the file is closed
    let now = SystemTime::now();
    let again = now + DAY / 24;
    if let Ok(kept) = kept(folder, names, now) {
        return Ok((kept, again));
    }
    let authority = Authority::kept(folder, title, names)
        .and_then(|authority| authority.sign(folder, names, now));
    if authority.is_err() || kept(folder, names, now).is_err() {
        Authority::make(folder, title, names, now)?.sign(folder, names, now)?;
    }
    Ok((kept(folder, names, now)?, again))
}

// ANCHOR: kept
/// The certificate in the folder, if the authority beside it vouches for it as a browser would see
/// it: for each name, now and 30 days from now. Its key must be private, and fit.
fn kept(folder: &Path, names: &[String], now: SystemTime) -> io::Result<Arc<CertifiedKey>> {
    let file = folder.join("server.pem");
    let (key, certificate) = (read_key(&file)?, read_certificate(&file)?);
    let roots = Arc::new(trusting(&read_certificate(&folder.join("authority.pem"))?)?);
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
    let verifier = verifier.build().map_err(io::Error::other)?;
    for (name, time) in names.iter().flat_map(|name| [(name, now), (name, now + RENEW)]) {
        let name = ServerName::try_from(name.as_str()).map_err(io::Error::other)?;
        let time = UnixTime::since_unix_epoch(since_epoch(time));
        verifier
            .verify_server_cert(&certificate, &[], &name, &[], time)
            .map_err(io::Error::other)?;
    }
    let key =
        CertifiedKey::from_der(vec![certificate], key, &provider).map_err(io::Error::other)?;
    Ok(Arc::new(key))
}
// ANCHOR_END: kept

/// Who signs: a key, and what its certificate says.
struct Authority {
    key: KeyPair,
    params: CertificateParams,
    end: SystemTime,
}

impl Authority {
    // ANCHOR: authority
    fn new(key: KeyPair, made: SystemTime, title: &str, names: &[String]) -> Self {
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = ((made - SKEW).into(), (made + AUTHORITY).into());
        params.distinguished_name.push(DnType::CommonName, title);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)); // it signs no other authority
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: names.iter().map(|name| subtree(name)).collect(),
            excluded_subtrees: Vec::new(),
        });
        Authority { key, params, end: made + AUTHORITY }
    }

    /// Signs a certificate for these names, with a key of its own.
    fn sign(&self, folder: &Path, names: &[String], now: SystemTime) -> io::Result<()> {
        let key = KeyPair::generate().map_err(io::Error::other)?; // ECDSA on the curve P-256
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.not_before = (now - SKEW).into();
        params.not_after = (now + CERTIFICATE).min(self.end).into();
        params.distinguished_name.push(DnType::CommonName, "a demo on this machine");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
        write(&folder.join("server.pem"), &(key.serialize_pem() + &certificate.pem()))
    }
    // ANCHOR_END: authority

    /// A new one. Its file begins with the time at which it was made, in seconds since 1970.
    fn make(folder: &Path, title: &str, names: &[String], now: SystemTime) -> io::Result<Self> {
        let made = since_epoch(now).as_secs();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let pem = key.serialize_pem();
        let authority = Authority::new(key, UNIX_EPOCH + Duration::from_secs(made), title, names);
        let certificate = authority.params.self_signed(&authority.key).map_err(io::Error::other)?;
        write(&folder.join("authority.key.pem"), &format!("made {made}\n{pem}"))?;
        write(&folder.join("authority.pem"), &certificate.pem())?;
        Ok(authority)
    }

    /// The one in the folder.
    fn kept(folder: &Path, title: &str, names: &[String]) -> io::Result<Self> {
        let text = read_private(&folder.join("authority.key.pem"))?;
        let made = text.lines().next().and_then(|line| line.strip_prefix("made ")?.parse().ok());
        let made =
            made.ok_or_else(|| io::Error::other("the file does not say when it was made"))?;
        let key = KeyPair::from_pem(&text).map_err(io::Error::other)?;
        let made = UNIX_EPOCH.checked_add(Duration::from_secs(made)).unwrap_or(UNIX_EPOCH);
        Ok(Authority::new(key, made, title, names))
    }
}

fn subtree(name: &str) -> GeneralSubtree {
    match CertificateParams::new([name.to_string()])
        .ok()
        .and_then(|params| params.subject_alt_names.into_iter().next())
    {
        Some(SanType::IpAddress(address)) => {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits))
        }
        _ => GeneralSubtree::DnsName(name.to_string()),
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn trusting(authority: &CertificateDer<'static>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).map_err(io::Error::other)?;
    Ok(roots)
}

fn read_certificate(file: &Path) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(&fs::read(file)?).map_err(io::Error::other)
}

fn read_key(file: &Path) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(read_private(file)?.as_bytes()).map_err(io::Error::other)
}

/// Reads a file with a key in it. One that others could have read is not used any more.
fn read_private(file: &Path) -> io::Result<String> {
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&fs::metadata(file)?.permissions()) & 0o077 != 0 {
        net::log(&format!("{} could be read by others: it is made anew", file.display()));
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    fs::read_to_string(file)
}

/// Writes a file that only its owner reads: at once or not at all.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    let _none_is_left = fs::remove_file(&new);
    let mut writing: File = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
    writing.write_all(text.as_bytes())?;
    writing.sync_all()?;
    fs::rename(new, file)
}

/// A folder that only its owner enters.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// On Windows the user's data folder is the user's alone already.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests;
