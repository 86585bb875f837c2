//! What a program is told of the request: environment variables under the names of CGI (RFC 3875, 4.1).

use std::env;
use std::ffi::OsString;

use demo::Site;
use handshake::request::Request;

use crate::command::ProgramOptions;

/// What programs need of this process's own environment, here or on Windows: where programs and files are.
const NEEDED: [&str; 13] = [
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "SystemRoot",
    "SystemDrive",
    "ComSpec",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "APPDATA",
];

/// All variables of the program for this request.
pub fn of(options: &ProgramOptions, request: &Request, site: &Site) -> Vec<(String, OsString)> {
    let passed = NEEDED.iter().copied().chain(options.passed.iter().map(String::as_str));
    let own = passed.filter_map(|name| Some((name.to_string(), env::var_os(name)?)));
    own.chain(told(request, site).into_iter().map(|(name, value)| (name, value.into()))).collect()
}

/// What the request says. `REMOTE_ADDR` is missing: the bench lies between, and a program would be
/// told the bench's address.
fn told(request: &Request, site: &Site) -> Vec<(String, String)> {
    let host = request.host().unwrap_or("");
    let (_, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let variables = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", "process"),
        ("SERVER_PROTOCOL", &request.version),
        ("SERVER_NAME", Site::host_name(host)),
        ("SERVER_PORT", &site.address.port().to_string()),
        ("REQUEST_METHOD", &request.method),
        ("REQUEST_URI", &request.target),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", request.path()),
        ("QUERY_STRING", query),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()));
    let mut variables = Vec::from(variables);
    for (field, value) in &request.fields {
        // HTTP_PROXY steers many HTTP libraries: a request must not set it ("httpoxy"). Logins are
        // not for the program. An underscore in a name could pass for a hyphen.
        if ["proxy", "authorization"].contains(&&*field.to_ascii_lowercase()) || field.contains('_')
        {
            continue;
        }
        let name = format!("HTTP_{}", field.to_ascii_uppercase().replace('-', "_"));
        match variables.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => *values += &format!(", {value}"),
            None => variables.push((name, value.clone())),
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
        variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_request_can_set_only_variables_that_begin_with_http() {
        let head =
            b"GET /a/b?c=d%20e HTTP/1.1\r\nHost: localhost:8015\r\nX-Path: one\r\nx-path: two\r\n\
            Proxy: http://evil.example\r\nAuthorization: Basic eA==\r\nX_Path: three\r\n\r\n";
        let request = Request::parse(head).unwrap();
        let told = told(&request, &Site::new(([127, 0, 0, 1], 8015).into()));
        assert_eq!(variable(&told, "PATH_INFO"), Some("/a/b"));
        assert_eq!(variable(&told, "QUERY_STRING"), Some("c=d%20e"));
        assert_eq!(variable(&told, "REQUEST_URI"), Some("/a/b?c=d%20e"));
        assert_eq!(variable(&told, "SERVER_NAME"), Some("localhost"));
        assert_eq!(variable(&told, "HTTP_X_PATH"), Some("one, two"));
        for never in ["HTTP_PROXY", "HTTP_AUTHORIZATION", "PATH"] {
            assert_eq!(variable(&told, never), None, "{never}");
        }
    }
}
