//! What a person sees: the lines of a terminal of a certain width, after what was written to it.

/// A terminal that scrolls for ever.
pub struct Screen {
    columns: usize,
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    /// After this output.
    pub fn after(output: &str, columns: usize) -> Screen {
        let mut screen = Screen {
            columns,
            lines: vec![Vec::new()],
            row: 0,
            column: 0,
        };
        let mut chars = output.chars();
        while let Some(c) = chars.next() {
            match c {
                '\u{1b}' => screen.escape(&mut chars),
                '\r' => screen.column = 0,
                '\n' => screen.down(1),
                c => screen.put(c),
            }
        }
        screen
    }

    /// Its lines, without blanks at their ends.
    pub fn lines(&self) -> Vec<String> {
        let text = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        self.lines.iter().map(text).collect()
    }

    fn put(&mut self, c: char) {
        if self.column == self.columns {
            self.column = 0;
            self.down(1);
        }
        let line = &mut self.lines[self.row];
        while line.len() <= self.column {
            line.push(' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    fn down(&mut self, rows: usize) {
        self.row += rows;
        while self.lines.len() <= self.row {
            self.lines.push(Vec::new());
        }
    }

    /// A control sequence (ECMA-48): `ESC [ PARAMETERS LETTER`.
    fn escape(&mut self, chars: &mut std::str::Chars<'_>) {
        assert_eq!(chars.next(), Some('['), "bake writes no other escape sequences");
        let mut parameters = String::new();
        let letter = loop {
            match chars.next().expect("a sequence has an end") {
                c @ ('0'..='9' | ';' | '?') => parameters.push(c),
                c => break c,
            }
        };
        let count = parameters.parse().unwrap_or(1);
        match letter {
            'm' | 'h' | 'l' => {}
            'A' => self.row = self.row.saturating_sub(count),
            'B' => self.down(count),
            'K' if parameters == "2" => self.lines[self.row].clear(),
            'K' => self.lines[self.row].truncate(self.column),
            'J' => {
                self.lines[self.row].truncate(self.column);
                self.lines.truncate(self.row + 1);
            }
            other => panic!("a control sequence that this test does not know: {parameters}{other}"),
        }
    }
}
