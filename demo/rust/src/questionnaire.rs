//! The document, and what can be done to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The questionnaire that the demo begins with.
pub(crate) const EXAMPLE: &str = include_str!("../../questionnaire.json");

/// A questionnaire as it lies in its file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Questionnaire {
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) published: bool,
    pub(crate) pages: Vec<Page>,
}

/// One page of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Page {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) questions: Vec<Value>,
}

impl Questionnaire {
    /// Inserts a copy of the page at `position` right behind it; whether there is such a page.
    pub(crate) fn insert_copy(&mut self, position: usize) -> bool {
        let Some(page) = self.pages.get(position) else { return false };
        let copy = Page { id: format!("page-{}", self.pages.len() + 1), ..page.clone() };
        self.pages.insert(position + 1, copy);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stands_behind_its_page_with_a_name_of_its_own() {
        let mut document: Questionnaire = serde_json::from_str(EXAMPLE).unwrap();
        assert!(document.insert_copy(0) && document.insert_copy(0));
        let ids: Vec<&str> = document.pages.iter().map(|page| page.id.as_str()).collect();
        assert_eq!(ids, ["page-1", "page-3", "page-2"]);
        assert_eq!(document.pages[1].questions, document.pages[0].questions);
    }

    #[test]
    fn a_page_that_is_not_there_cannot_be_copied() {
        let mut document: Questionnaire = serde_json::from_str(EXAMPLE).unwrap();
        assert!(!document.insert_copy(1));
        assert_eq!(document.pages.len(), 1);
    }
}
