/// Colours that people with any colour vision tell apart (Okabe and Ito, 2008), lighter ones on dark ground; a dash pattern takes over where they end.
public enum Palette {
    public static let light = ["#0072b2", "#d55e00", "#00805c", "#b0508a", "#b37a00", "#3a6ea5", "#555b66", "#7a3e9d"]
    public static let dark = ["#5ab4f0", "#ff9a5c", "#3fd0a0", "#ee9fce", "#ffc94d", "#9cc7f5", "#b8bec9", "#c79bf0"]
    public static let dashes = ["", "7 3", "2 3", "9 3 2 3"]
    public static var count: Int { light.count }

    public static func dash(_ series: Int) -> String {
        let dash = dashes[series / count % dashes.count]
        return dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
    }

    /// Class names of a series: stroke and fill.
    public static func stroke(_ series: Int) -> String { "fp-s\(series % count)" }
    public static func fill(_ series: Int) -> String { "fp-f\(series % count)" }

    private static func rules(_ colours: [String], ground: String, text: String, faint: String, grid: String) -> String {
        var rules = ".fp-bg{fill:\(ground)}.fp-title,.fp-text,.fp-value{fill:\(text)}.fp-faint{fill:\(faint)}.fp-grid{stroke:\(grid)}.fp-axis,.fp-error{stroke:\(text)}.fp-guide{stroke:\(faint)}.fp-cell{stroke:\(grid)}"
        for (index, colour) in colours.enumerated() { rules += ".fp-s\(index){stroke:\(colour)}.fp-f\(index){fill:\(colour)}" }
        return rules
    }

    public static let style: String =
        ".fwoc-plot{max-width:100%;height:auto}.fwoc-plot text{font-family:Inter,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;font-size:12px}.fwoc-plot .fp-title{font-size:15px;font-weight:600}.fwoc-plot .fp-value{font-size:11px}"
        + ".fp-grid,.fp-cell{stroke-width:1}.fp-axis{stroke-width:1.2}.fp-error{stroke-width:1.3}.fp-guide{stroke-width:1;stroke-dasharray:4 4}.fp-line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.fp-band{fill-opacity:.18;stroke:none}.fp-bar{fill-opacity:.85;stroke:none}.fp-area{fill-opacity:.35;stroke:none}"
        + rules(light, ground: "#ffffff", text: "#1c2330", faint: "#5d6675", grid: "#e3e7ed")
        + "@media (prefers-color-scheme:dark){" + rules(dark, ground: "#161a21", text: "#e8ecf3", faint: "#a4adbb", grid: "#2d3440") + "}"
}
