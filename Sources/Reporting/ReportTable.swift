import Figures

/// Rows and columns of text, for a page or a Markdown file.
public struct ReportTable: Sendable, Hashable {
    public var header: [String]
    /// Shorter rows end with empty cells.
    public var rows: [[String]]
    public var caption: String

    public init(header: [String], rows: [[String]], caption: String = "") {
        self.header = header
        self.rows = rows
        self.caption = caption
    }

    private var columns: Int { max(header.count, rows.map(\.count).max() ?? 0) }

    private func padded(_ row: [String]) -> [String] { row + [String](repeating: "", count: columns - row.count) }

    /// Whether a column holds figures, which stand on the right.
    private func isNumeric(_ column: Int) -> Bool {
        let cells = rows.compactMap { column < $0.count ? $0[column] : nil }.filter { !$0.isEmpty && $0 != "–" }
        return !cells.isEmpty && cells.allSatisfy { cell in cell.unicodeScalars.first.map { ("0"..."9").contains($0) || $0 == "-" || $0 == "−" || $0 == "+" } ?? false }
    }

    /// A GitHub-flavoured table.
    public var markdown: String {
        func cell(_ text: String) -> String { text.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("\n", with: " ").replacing("<", with: "&lt;") }
        func line(_ cells: [String]) -> String { "| " + cells.map(cell).joined(separator: " | ") + " |\n" }
        let rule = "|" + (0..<columns).map { isNumeric($0) ? "---:|" : "---|" }.joined() + "\n"
        return line(padded(header)) + rule + rows.map { line(padded($0)) }.joined() + (caption.isEmpty ? "" : "\n" + caption + "\n")
    }

    var html: String {
        let numeric = (0..<columns).map(isNumeric)
        func line(_ cells: [String], _ tag: String) -> String {
            "<tr>" + padded(cells).enumerated().map { "<\(tag)\(numeric[$0] ? " class=\"n\"" : "")>\(Markup.escape($1))</\(tag)>" }.joined() + "</tr>"
        }
        return "<div class=\"scroll\"><table>\(caption.isEmpty ? "" : "<caption>\(Markup.escape(caption))</caption>")<thead>\(line(header, "th"))</thead><tbody>\(rows.map { line($0, "td") }.joined(separator: "\n"))</tbody></table></div>"
    }
}
