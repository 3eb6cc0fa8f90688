//! Tables of plain text.

use super::printable::width;

/// Rows under their titles, each column as wide as its widest cell, without blanks at the ends of lines.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let titles: Vec<String> = titles.iter().map(|&title| title.to_owned()).collect();
    let all = || std::iter::once(&titles).chain(rows);
    let columns = (0..titles.len()).map(|column| all().map(|row| width(&row[column])).max().unwrap_or(0));
    let columns: Vec<usize> = columns.collect();
    let lines = all().map(|row| {
        let cells = row.iter().zip(&columns);
        let line: String = cells
            .map(|(cell, wide)| format!("{cell}{:1$}", "", wide - width(cell) + 2))
            .collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "1".to_owned()],
            vec!["日本".to_owned(), String::new()],
        ];
        assert_eq!(table(&["X", "NUMBER"], &rows), "X     NUMBER\na     1\n日本\n");
    }
}
