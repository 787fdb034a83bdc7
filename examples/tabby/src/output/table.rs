//! Rows and columns.

use serde_json::Value;

use super::safe;

/// Rows in columns, each as wide as needed. A cell stays on its line, whatever it contains.
pub fn table(rows: &[Vec<String>]) -> String {
    let safe = |row: &Vec<String>| row.iter().map(|cell| safe::line(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(safe).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value in a cell.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_owned(), "é".to_owned()], vec!["bcd".to_owned()], vec!["e".to_owned(), "f".to_owned()]];
        assert_eq!(table(&rows), "a    é\nbcd\ne    f");
        assert_eq!(table(&[]), "");
        assert_eq!(table(&[vec!["a\nb".to_owned(), "\u{202e}c".to_owned()]]), "a␊b  \\u{202e}c");
    }
}
