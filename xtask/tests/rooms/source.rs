//! A Rust file as the rules see it: names and paths with their lines, no comments, no test code.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// What the rules look at in one file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    /// Every identifier and word of a string, test code left out.
    pub(crate) words: Vec<Word>,
    /// Every path with its segments, those of `use` trees written out; test code left out.
    pub(crate) paths: Vec<Named>,
    /// Every function with a body, test code included.
    pub(crate) functions: Vec<Function>,
}

/// An identifier, or the text of a literal.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path such as `std::sync::Arc`.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Whether it stands in a `use`.
    pub(crate) imported: bool,
}

/// A function and how many lines it takes.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

impl Named {
    /// Whether the path begins with these segments.
    pub(crate) fn starts_with(&self, segments: &[&str]) -> bool {
        self.segments.len() >= segments.len() && self.segments.iter().zip(segments).all(|(a, b)| a == b)
    }
}

impl Source {
    /// Reads a file. The error names it.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Source, String> {
        let stream = TokenStream::from_str(text).map_err(|error| format!("{path}: {error}"))?;
        let mut source = Source { path: path.to_owned(), words: Vec::new(), paths: Vec::new(), functions: Vec::new() };
        let whole = without_docs(stream);
        functions(&whole, &mut source.functions);
        if !is_test_file(path) {
            let code = without_tests(whole);
            words(&code, &mut source.words);
            paths(&code, &mut source.paths);
        }
        Ok(source)
    }
}

/// Files of tests only, by the house's names for them.
fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches")) && !path.starts_with("tests/rust/src")
        || path.ends_with("_tests.rs")
}

/// A group is opened only to look inside; its own tokens stay in place.
fn without_docs(stream: TokenStream) -> Vec<TokenTree> {
    filter(stream.into_iter().collect(), &|attribute| first_word(attribute) == "doc", false)
}

fn without_tests(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let is_test = |attribute: &Group| {
        let text = attribute.stream().to_string().replace(' ', "");
        text == "test" || text.starts_with("cfg(test") || text.starts_with("cfg(all(test")
    };
    filter(tokens, &is_test, true)
}

/// Leaves out the attributes that `drop` picks and, with `item`, what they stand on.
fn filter(tokens: Vec<TokenTree>, drop: &dyn Fn(&Group) -> bool, item: bool) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if is_punct(&token, '#') {
            let bang = rest.next_if(|next| is_punct(next, '!'));
            if let Some(TokenTree::Group(attribute)) = rest.next_if(|next| is_group(next, Delimiter::Bracket)) {
                if !drop(&attribute) {
                    kept.push(token);
                    kept.extend(bang);
                    kept.push(TokenTree::Group(attribute));
                } else if item && bang.is_some() {
                    return Vec::new();
                } else if item {
                    let mut is_use = false;
                    for skipped in rest.by_ref() {
                        is_use |= matches!(&skipped, TokenTree::Ident(word) if word == "use");
                        if is_punct(&skipped, ';') || (!is_use && is_group(&skipped, Delimiter::Brace)) {
                            break;
                        }
                    }
                }
                continue;
            }
            kept.push(token);
            kept.extend(bang);
        } else if let TokenTree::Group(group) = &token {
            let inner = filter(group.stream().into_iter().collect(), drop, item);
            let mut fresh = Group::new(group.delimiter(), inner.into_iter().collect());
            fresh.set_span(group.span());
            kept.push(TokenTree::Group(fresh));
        } else {
            kept.push(token);
        }
    }
    kept
}

fn words(tokens: &[TokenTree], found: &mut Vec<Word>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => words(&inside(group), found),
            TokenTree::Punct(_) => {}
            TokenTree::Ident(_) | TokenTree::Literal(_) => found.push(Word {
                text: token.to_string().trim_start_matches("r#").to_owned(),
                line: token.span().start().line,
            }),
        }
    }
}

fn paths(tokens: &[TokenTree], found: &mut Vec<Named>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "use" => {
                let end = tokens[at..].iter().position(|token| is_punct(token, ';'));
                let end = end.map_or(tokens.len(), |length| at + length);
                use_tree(&tokens[at + 1..end], &[], found);
                at = end;
            }
            TokenTree::Ident(_) => {
                let (segments, next) = plain_path(tokens, at);
                let line = tokens[at].span().start().line;
                found.push(Named { segments, line, imported: false });
                at = next;
            }
            TokenTree::Group(group) => {
                paths(&inside(group), found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// `a::b::c` from `at`; the segments and where the path ends.
fn plain_path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        segments.push(word.to_string());
        at += 1;
        if !is_double_colon(tokens, at) {
            break;
        }
        at += 2;
    }
    (segments, at)
}

fn use_tree(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<Named>) {
    let start = if is_double_colon(tokens, 0) { 2 } else { 0 };
    let (segments, at) = plain_path(tokens, start);
    let line = tokens.first().map_or(0, |token| token.span().start().line);
    let path = [prefix, &segments[..]].concat();
    match tokens.get(at) {
        Some(TokenTree::Group(group)) => {
            let tokens = inside(group);
            for branch in tokens.split(|token| is_punct(token, ',')).filter(|branch| !branch.is_empty()) {
                use_tree(branch, &path, found);
            }
        }
        Some(star) if is_punct(star, '*') => {
            found.push(Named { segments: [path, vec!["*".to_owned()]].concat(), line, imported: true });
        }
        _ => found.push(Named { segments: path, line, imported: true }),
    }
}

fn functions(tokens: &[TokenTree], found: &mut Vec<Function>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            functions(&inside(group), found);
        }
        let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (token, tokens.get(at + 1)) else {
            continue;
        };
        if word != "fn" {
            continue;
        }
        let body = tokens[at..]
            .iter()
            .take_while(|token| !is_punct(token, ';'))
            .find(|token| is_group(token, Delimiter::Brace));
        if let Some(body) = body {
            let line = token.span().start().line;
            let lines = body.span().end().line - line + 1;
            found.push(Function { name: name.to_string(), line, lines });
        }
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn first_word(group: &Group) -> String {
    group.stream().into_iter().next().map(|token| token.to_string()).unwrap_or_default()
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    let joint = matches!(tokens.get(at), Some(TokenTree::Punct(punct))
        if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
    joint && tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_of(text: &str) -> Vec<String> {
        let source = Source::parse("core/src/a.rs", text).unwrap();
        source.paths.iter().map(|path| path.segments.join("::")).filter(|path| path.contains("::")).collect()
    }

    #[test]
    fn use_trees_are_written_out() {
        let text = "use ::a::{b, c::{self, d as e}, f::*}; pub(crate) use g::h;";
        assert_eq!(paths_of(text), ["a::b", "a::c::self", "a::c::d", "a::f::*", "g::h"]);
    }

    #[test]
    fn paths_are_found_in_code_types_and_macros() {
        let text = "fn f(x: Vec<std::sync::Mutex<u8>>) { m!(a::b::<c::d>()); }";
        assert_eq!(paths_of(text), ["std::sync::Mutex", "a::b", "c::d"]);
    }

    #[test]
    fn comments_docs_and_tests_are_left_out() {
        let text = "//! std::sync\n/// a::b\n// c::d\n#[cfg(test)]\nuse x::{y};\n#[cfg(test)]\nmod tests { use p::q; }\n\
                    #[test] fn t() { r::s(); } fn kept() { u::v(); }";
        assert_eq!(paths_of(text), ["u::v"]);
        assert!(paths_of("#![cfg(test)] use a::b;").is_empty());
    }

    #[test]
    fn test_files_have_no_words_and_still_functions() {
        let source = Source::parse("core/src/machine/tests.rs", "fn f() {\n}\n").unwrap();
        assert!(source.words.is_empty());
        assert_eq!((source.functions[0].name.as_str(), source.functions[0].lines), ("f", 2));
    }

    #[test]
    fn functions_are_measured() {
        let source = Source::parse("a.rs", "trait T { fn d(); }\nimpl X {\n  fn f()\n  {\n    g();\n  }\n}").unwrap();
        let found: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(found, [("f", 3, 4)]);
    }

    #[test]
    fn what_is_not_rust_is_refused_by_name() {
        assert!(Source::parse("a.rs", "fn f( {").unwrap_err().starts_with("a.rs: "));
    }
}
