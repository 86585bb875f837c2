use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is removed at the end of a test.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Temporary(
            std::env::temp_dir().join(format!("wss-certificates-{}-{number}", std::process::id())),
        )
    }

    fn open(&self) -> Arc<Certificates> {
        Certificates::open(&self.0, "Test", &[]).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_second_start_finds_the_certificates_of_the_first() {
    let folder = Temporary::new();
    let first = folder.open().current(SystemTime::now());
    let second = folder.open().current(SystemTime::now());
    assert_eq!(first.cert, second.cert);
}

#[test]
#[cfg(unix)]
fn only_the_user_reads_the_folder_and_the_keys_and_a_key_that_others_could_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Temporary::new();
    let first = folder.open().current(SystemTime::now());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    for name in ["authority.key.pem", "authority.pem", "server.pem"] {
        assert_eq!(mode(&folder.0.join(name)), 0o600, "{name}");
    }
    let authority = folder.read("authority.pem");
    fs::set_permissions(folder.0.join("server.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_ne!(folder.open().current(SystemTime::now()).cert, first.cert);
    assert_eq!(folder.read("authority.pem"), authority);
}

#[test]
fn a_certificate_that_ends_within_thirty_days_is_made_anew_by_the_same_authority() {
    let folder = Temporary::new();
    let certificates = folder.open();
    let authority = folder.read("authority.pem");
    let sixty_one_days_ago = SystemTime::now() - (CERTIFICATE - RENEW) - DAY;
    Authority::kept(&folder.0, "Test", &certificates.names)
        .and_then(|authority| authority.sign(&folder.0, &certificates.names, sixty_one_days_ago))
        .unwrap();
    let old = folder.read("server.pem");
    let renewed = certificates.current(SystemTime::now() + DAY); // the hour in which it does not look is over
    assert_ne!(folder.read("server.pem"), old);
    assert_eq!(folder.read("authority.pem"), authority);
    assert_eq!(renewed.cert, folder.open().current(SystemTime::now()).cert);
}

#[test]
fn an_authority_that_ends_within_thirty_days_is_made_anew() {
    let folder = Temporary::new();
    let certificates = folder.open();
    let long_ago = SystemTime::now() - (AUTHORITY - RENEW) - DAY;
    Authority::make(&folder.0, "Test", &certificates.names, long_ago).unwrap();
    let old = folder.read("authority.pem");
    folder.open();
    assert_ne!(folder.read("authority.pem"), old);
}

#[test]
fn what_is_broken_in_the_folder_is_made_anew() {
    for name in ["authority.key.pem", "authority.pem", "server.pem"] {
        for broken in [
            "",
            "made yesterday\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let folder = Temporary::new();
            folder.open();
            write(&folder.0.join(name), broken).unwrap();
            let certificates = folder.open();
            assert!(
                kept(&folder.0, &certificates.names, SystemTime::now()).is_ok(),
                "{name}: {broken}"
            );
        }
    }
}

#[test]
fn the_authority_vouches_for_its_names_only() {
    let folder = Temporary::new();
    let certificates = folder.open();
    let authority = Authority::kept(&folder.0, "Test", &certificates.names).unwrap();
    for foreign in ["bank.example", "192.0.2.1", "sub.localhost.example"] {
        let names = [foreign.to_string()];
        authority.sign(&folder.0, &names, SystemTime::now()).unwrap();
        let error = kept(&folder.0, &names, SystemTime::now()).unwrap_err().to_string();
        assert!(
            error.contains("NameConstraintViolation") || error.contains("name constraint"),
            "{foreign}: {error}"
        );
    }
}

#[test]
fn another_name_has_an_authority_of_its_own() {
    let folder = Temporary::new();
    let loopback = folder.open();
    let other = Certificates::open(&folder.0, "Test", &["192.0.2.7".to_string()]).unwrap();
    assert_ne!(
        fs::read(loopback.authority_file()).unwrap(),
        fs::read(other.authority_file()).unwrap()
    );
    assert!(kept(&other.folder, &["192.0.2.7".to_string()], SystemTime::now()).is_ok());
}
