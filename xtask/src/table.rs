//! Plain text tables.

/// Lays out rows under a heading: the first `left` columns to the left, the others to the right.
pub(crate) fn layout(heading: &[&str], rows: &[Vec<String>], left: usize) -> String {
    let heading: Vec<String> = heading.iter().map(|&name| name.to_owned()).collect();
    let mut widths: Vec<usize> = heading.iter().map(|name| name.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    let mut text = String::new();
    for row in [&heading, &rule].into_iter().chain(rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "100".to_owned()], vec!["long".to_owned(), "2".to_owned()]];
        assert_eq!(layout(&["name", "n"], &rows, 1), "name    n\n----  ---\na     100\nlong    2\n");
    }
}
