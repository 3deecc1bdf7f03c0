import Figures
public import Foundation

/// One page that needs nothing else: no script, no font, no picture of another file.
public struct HTMLReport: Sendable {
    public enum Block: Sendable {
        case text(String)
        case table(ReportTable)
        case figure(SVG, caption: String)
        /// Figures beside each other where there is room.
        case figures([SVG])
        case pictures([Picture])
        /// Folded away until it is asked for.
        case details(summary: String, text: String)
    }

    public struct Picture: Sendable {
        public enum Format: String, Sendable {
            case png = "image/png", jpeg = "image/jpeg", webp = "image/webp"
        }

        public var bytes: Data
        public var format: Format
        public var caption: String

        public init(bytes: Data, format: Format, caption: String) {
            self.bytes = bytes
            self.format = format
            self.caption = caption
        }
    }

    public struct Section: Sendable {
        public var title: String
        public var blocks: [Block]

        public init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    public var title: String
    public var subtitle: String
    public var sections: [Section]

    public init(title: String, subtitle: String = "", sections: [Section] = []) {
        self.title = title
        self.subtitle = subtitle
        self.sections = sections
    }

    /// The page, which is well-formed XML as well as HTML 5.
    public var html: String {
        let contents = sections.enumerated().map { "<li><a href=\"#s\($0)\">\(Markup.escape($1.title))</a></li>" }.joined()
        let bodies = sections.enumerated().map { number, section in
            "<section id=\"s\(number)\"><h2>\(Markup.escape(section.title))</h2>\n\(section.blocks.map(Self.html).joined(separator: "\n"))</section>"
        }.joined(separator: "\n")
        return """
            <!DOCTYPE html>
            <html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="color-scheme" content="light dark"/>
            <title>\(Markup.escape(title))</title><style>\(Self.style)</style></head>
            <body><header><h1>\(Markup.escape(title))</h1>\(subtitle.isEmpty ? "" : "<p>\(Markup.escape(subtitle))</p>")</header>
            \(sections.count > 1 ? "<nav><ol>\(contents)</ol></nav>" : "")<main>
            \(bodies)
            </main></body></html>

            """
    }

    private static func html(_ block: Block) -> String {
        switch block {
        case .text(let text):
            text.split(separator: "\n\n").map { "<p>\(Markup.escape(String($0)))</p>" }.joined()
        case .table(let table): table.html
        case .figure(let svg, let caption):
            "<figure>\(svg.text)\(caption.isEmpty ? "" : "<figcaption>\(Markup.escape(caption))</figcaption>")</figure>"
        case .figures(let figures):
            "<div class=\"grid\">\(figures.map { "<figure>\($0.text)</figure>" }.joined())</div>"
        case .pictures(let pictures):
            "<div class=\"pictures\">"
                + pictures.map { picture in
                    "<figure><img alt=\"\(Markup.escape(picture.caption))\" src=\"data:\(picture.format.rawValue);base64,\(picture.bytes.base64EncodedString())\"/><figcaption>\(Markup.escape(picture.caption))</figcaption></figure>"
                }.joined() + "</div>"
        case .details(let summary, let text):
            "<details><summary>\(Markup.escape(summary))</summary><pre>\(Markup.escape(text))</pre></details>"
        }
    }

    private static let style = """
        :root{color-scheme:light dark;--ground:#f5f6f8;--card:#fff;--text:#1c2330;--faint:#5d6675;--line:#e3e7ed;--link:#0072b2}
        @media (prefers-color-scheme:dark){:root{--ground:#0e1116;--card:#161a21;--text:#e8ecf3;--faint:#a4adbb;--line:#2d3440;--link:#5ab4f0}}
        *{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 Inter,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}
        header,nav,main{max-width:1240px;margin:0 auto;padding:0 24px}header{padding-top:32px}h1{margin:0;font-size:28px}header p{color:var(--faint);margin:4px 0 0}
        nav ol{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;padding:0;margin:16px 0 0}a{color:var(--link)}
        section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:8px 24px 20px;margin:20px 0}h2{font-size:20px;margin:12px 0}
        figure{margin:12px 0}figcaption,caption{color:var(--faint);font-size:13px;text-align:left}caption{caption-side:bottom;padding-top:8px}
        .grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:12px}.grid figure{margin:0}
        .pictures{display:flex;flex-wrap:wrap;gap:12px}.pictures figure{margin:0;width:112px}.pictures img{width:112px;height:112px;object-fit:cover;border-radius:6px}
        .scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:12px 0}th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}th{color:var(--faint);font-weight:600}.n{text-align:right}
        pre{overflow-x:auto;font-size:13px}summary{cursor:pointer}
        """
}
