//! Machinery: the forms that a request's target may have (RFC 9112, 3.2).

use crate::refusal::Refusal;

/// Cuts a target into its host, when it names one, and its path with the query.
///
/// Browsers send the origin form, `/socket?tab=7`. A client of a proxy sends the absolute form,
/// `http://HOST/socket?tab=7`, and a server must accept that too (RFC 9112, 3.2.2).
///
/// # Errors
/// 400 for any other target.
pub fn split(target: &str) -> Result<(Option<String>, String), Refusal> {
    if target.starts_with('/') {
        return Ok((None, target.to_string()));
    }
    let absolute = target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    if !absolute {
        return Err(Refusal::new(400, "The target is neither a path nor an http address."));
    }
    let rest = &target[7..];
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') {
        return Err(Refusal::new(400, "The target names no host, or a user beside it."));
    }
    let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
    Ok((Some(host.to_string()), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_absolute_form_names_host_and_path() {
        let parts = |host: &str, path: &str| Ok((Some(host.to_string()), path.to_string()));
        assert_eq!(split("http://a:1/chat?x=1"), parts("a:1", "/chat?x=1"));
        assert_eq!(split("HTTP://a"), parts("a", "/"));
        assert_eq!(split("http://a?x=1"), parts("a", "/?x=1"));
        assert_eq!(split("/chat"), Ok((None, "/chat".to_string())));
        assert_eq!(split("socket").unwrap_err().status, 400);
    }
}
