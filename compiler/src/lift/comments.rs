//! Comments between the fields of a struct: whose they are.

/// The comments in what stands between two fields: those of the one before, on its line,
/// and those of the one after. Each comment is a line of its own.
pub(super) fn between(gap: &str) -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    let mut rest = gap;
    let mut same_line = true;
    while let Some(at) = rest.find(['\n', '/']) {
        let found = &rest[at..];
        let end = match found.as_bytes() {
            [b'\n', ..] => {
                same_line = false;
                rest = &found[1..];
                continue;
            }
            [b'/', b'/', ..] => found.find('\n').unwrap_or(found.len()),
            [b'/', b'*', ..] => found.find("*/").map_or(found.len(), |end| end + 2),
            _ => {
                rest = &found[1..];
                continue;
            }
        };
        let whose = if same_line { &mut before } else { &mut after };
        whose.push_str(found[..end].trim_end());
        whose.push('\n');
        rest = &found[end..];
    }
    (before, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_the_field_on_their_line() {
        let check = |gap: &str, before: &str, after: &str| {
            assert_eq!(between(gap), (before.to_owned(), after.to_owned()), "{gap}");
        };
        check(",\n    ", "", "");
        check(", // why\n    ", "// why\n", "");
        check(" /* a */, // b\n", "/* a */\n// b\n", "");
        check(
            ",\n\n    // c\n    /* d\n  e */\n    ",
            "",
            "// c\n/* d\n  e */\n",
        );
        check(", // a\n // b", "// a\n", "// b\n");
        check(", / /* open", "/* open\n", "");
    }
}
