#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A drawing that is well-formed as long as its elements are made by this module's functions, which escape all text.
///
/// It carries its own style, dark where the reader prefers dark, and no identifiers, so that many of them fit on one page.
public struct SVG: Sendable, Hashable, CustomStringConvertible {
    /// One `<svg>` element; a whole file as it stands.
    public let text: String
    public let width: Double
    public let height: Double

    public var description: String { text }

    /// - Parameters:
    ///   - label: what the picture shows, for those who cannot see it.
    ///   - elements: as the functions below make them; taken as they are.
    public init(width: Double, height: Double, label: String, elements: [String]) {
        self.width = width
        self.height = height
        let label = Markup.escape(label)
        text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(SVG.number(width)) \(SVG.number(height))" width="\(SVG.number(width))" height="\(SVG.number(height))" role="img" aria-label="\(label)" class="fwoc-plot">
            <style>\(Palette.style)</style>
            <rect class="fp-bg" width="\(SVG.number(width))" height="\(SVG.number(height))" rx="6"/>
            \(elements.joined(separator: "\n"))
            </svg>
            """
    }

    /// Hundredths of a pixel, as short as can be.
    public static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let hundredths = (value * 100).rounded()
        // Minus zero would be written as such.
        let rounded = hundredths == 0 ? 0 : hundredths / 100
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int64(rounded))" : "\(rounded)"
    }

    public enum Anchor: String { case start, middle, end }

    public static func text(_ text: String, x: Double, y: Double, style: String, anchor: Anchor = .start, turned: Bool = false) -> String {
        let turn = turned ? " transform=\"rotate(-90 \(number(x)) \(number(y)))\"" : ""
        return "<text class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor.rawValue)\"\(turn)>\(Markup.escape(text))</text>"
    }

    public static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) -> String {
        "<line class=\"\(style)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
    }

    public static func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, style: String, extra: String = "") -> String {
        "<rect class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(0, width)))\" height=\"\(number(max(0, height)))\"\(extra)/>"
    }

    /// About how wide text is in a proportional font; layout must not depend on one that may be missing.
    public static func width(of text: String, size: Double) -> Double {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar {
            case "i", "l", "j", "t", "f", "I", ".", ",", ":", ";", "|", "'", " ", "(", ")", "[", "]": width + 0.34
            case "m", "w", "M", "W", "%", "@": width + 0.92
            case "A"..."Z": width + 0.7
            default: width + (scalar.value > 0x2E80 ? 1.05 : 0.6)
            }
        } * size
    }

    /// Text cut to a width, with an ellipsis where something is missing.
    public static func fitted(_ text: String, width limit: Double, size: Double) -> String {
        guard width(of: text, size: size) > limit else { return text }
        var cut = text
        while !cut.isEmpty, width(of: cut + "…", size: size) > limit { cut.removeLast() }
        return cut + "…"
    }
}
