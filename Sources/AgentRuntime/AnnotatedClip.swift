import Foundation
import Gallery
import MediaFiles
import MediaTypes
import Recognition

/// The clip with what was recognised drawn on it: boxes, names, who speaks, how sure, and the state of both modalities. The sound
/// is the clip's own.
///
/// Small pictures are enlarged by a whole factor, so that names can be read. Thread-bound.
final class AnnotatedClip {
    private static let readableWidth = 480

    private let writer: ClipWriter
    private let canvas: Canvas
    private let enlarged: VideoFrame
    private let factor: Int
    private let textSize: Double

    /// - Parameter source: the clip that is being read; it needs a picture.
    init(path: String, source: MediaReader) throws {
        guard let video = source.streams.video else {
            throw AgentError(.badData, "\(source.path): there is no picture to draw on; leave --annotate out")
        }
        factor = max(1, (Self.readableWidth + video.width - 1) / video.width)
        let width = video.width * factor
        let height = video.height * factor
        var options = ClipWriter.Options()
        options.nominalRate = video.nominalRate ?? 25
        writer = try ClipWriter(
            path: path, width: width, height: height, sound: source.streams.audio == nil ? .none : .original(source), options: options)
        canvas = Canvas(width: width, height: height)
        enlarged = VideoFrame(width: width, height: height)
        textSize = max(11, Double(height) / 36)
    }

    /// Draws the newest state over one frame and adds it to the clip.
    /// - Parameter isDropped: the frame was withheld from recognition; it is shown dark.
    func draw(_ frame: VideoFrame, recognizer: Recognizer, isDropped: Bool) throws {
        enlarge(frame)
        canvas.show(enlarged)
        if isDropped {
            canvas.fill(
                BoundingBox(x: 0, y: 0, width: Float(canvas.width), height: Float(canvas.height)), Canvas.Colour.black.opacity(0.75))
            canvas.text(
                "picture withheld", at: Point(x: Float(textSize), y: Float(textSize)), size: textSize * 1.4, .white)
        } else {
            for observation in recognizer.observations { draw(observation) }
        }
        drawStates(recognizer, frame.instant, isPictureDropped: isDropped)
        canvas.copy(into: enlarged)
        enlarged.instant = frame.instant
        try writer.append(enlarged)
    }

    func finish() throws { try writer.finish() }

    private func draw(_ observation: FaceObservation) {
        let box = scaled(observation.box)
        let colour = Self.colour(observation)
        let lineWidth = max(1.5, textSize / 8)
        canvas.outline(
            box, observation.isMeasured ? colour : colour.opacity(0.45), lineWidth: lineWidth, cornerRadius: textSize / 3)
        if let shape = observation.shape, observation.isMeasured {
            let lips = shape.lips.indices.map { Point(x: box.x + shape.lips[$0].x * box.width, y: box.y + shape.lips[$0].y * box.height) }
            canvas.path(lips, colour.opacity(0.8), lineWidth: max(1, lineWidth / 2), isClosed: true)
        }
        let name =
            switch observation.verdict {
            case .identified: observation.person?.name ?? ""
            case let verdict?: verdict.rawValue
            case nil: "…"
            }
        var label = "\(observation.track) \(name)"
        if observation.verdict == .identified, let score = observation.score {
            label += String(format: " %.2f", score)
            if let modality = observation.modality { label += modality == .both ? " face+voice" : " \(modality.rawValue)" }
        }
        let extent = canvas.extent(of: label, size: textSize)
        let top = max(0, box.y - Float(extent.height) - Float(lineWidth))
        let left = min(max(0, box.x), max(0, Float(canvas.width) - Float(extent.width) - Float(textSize)))
        canvas.text(label, at: Point(x: left, y: top), size: textSize, .white, plate: colour.opacity(0.75))

        // The sync bar: how sure it is that this face is the one that speaks.
        guard let speaking = observation.speaking else { return }
        let barHeight = Float(textSize / 2.5)
        let bar = BoundingBox(x: box.x, y: box.y + box.height + Float(lineWidth), width: box.width, height: barHeight)
        canvas.fill(bar, Canvas.Colour.black.opacity(0.55), cornerRadius: Double(barHeight) / 2)
        var level = bar
        level.width = max(barHeight, box.width * speaking.confidence)
        let speakingColour = Canvas.Colour(red: 0.2, green: 0.85, blue: 1)
        canvas.fill(level, speaking.state ? speakingColour : Canvas.Colour.white.opacity(0.5), cornerRadius: Double(barHeight) / 2)
        if speaking.state {
            canvas.text(
                "speaking", at: Point(x: box.x, y: bar.y + barHeight + 2), size: textSize * 0.85, .black,
                plate: speakingColour.opacity(0.9))
        }
    }

    private func drawStates(_ recognizer: Recognizer, _ instant: Instant, isPictureDropped: Bool) {
        let y = Float(canvas.height) - Float(textSize) * 2
        var x = Float(textSize) * 0.6
        let clock = String(format: "%.2f s", instant.seconds)
        x += canvas.text(clock, at: Point(x: x, y: y), size: textSize * 0.9, .white).width + Float(textSize)
        for (name, state) in [("video", recognizer.videoState), ("audio", recognizer.audioState)] {
            let colour =
                switch state {
                case .present: Canvas.Colour(red: 0.2, green: 0.9, blue: 0.3)
                case .silent: Canvas.Colour(red: 0.75, green: 0.75, blue: 0.75)
                case .degraded: Canvas.Colour(red: 1, green: 0.75, blue: 0.1)
                case .lost: Canvas.Colour(red: 1, green: 0.25, blue: 0.2)
                }
            canvas.fillCircle(
                Point(x: x, y: y + Float(textSize) * 0.75), radius: textSize * 0.32, colour)
            x += Float(textSize) * 0.9
            x += canvas.text("\(name) \(state.rawValue)", at: Point(x: x, y: y), size: textSize * 0.9, .white).width + Float(textSize)
        }
    }

    private static func colour(_ observation: FaceObservation) -> Canvas.Colour {
        switch observation.verdict {
        case .identified: Canvas.Colour(red: 0.1, green: 0.65, blue: 0.25)
        case .unknown: Canvas.Colour(red: 0.85, green: 0.35, blue: 0.1)
        case .ambiguous: Canvas.Colour(red: 0.8, green: 0.65, blue: 0.05)
        case .rejected: Canvas.Colour(red: 0.5, green: 0.3, blue: 0.5)
        case nil: Canvas.Colour(red: 0.45, green: 0.5, blue: 0.6)
        }
    }

    private func scaled(_ box: BoundingBox) -> BoundingBox {
        let f = Float(factor)
        return BoundingBox(x: box.x * f, y: box.y * f, width: box.width * f, height: box.height * f)
    }

    /// Every pixel `factor` times in both directions; chroma likewise, since both planes are enlarged alike.
    private func enlarge(_ frame: VideoFrame) {
        enlarged.colourSpace = frame.colourSpace
        let (width, chromaWidth, height, chromaHeight) = (enlarged.width, enlarged.chromaWidth, enlarged.height, enlarged.chromaHeight)
        unsafe enlarged.withUnsafePlanes { y, u, v in
            unsafe Self.enlarge(frame.luma, width: frame.width, height: frame.height, into: y, width, height, factor)
            unsafe Self.enlarge(frame.cb, width: frame.chromaWidth, height: frame.chromaHeight, into: u, chromaWidth, chromaHeight, factor)
            unsafe Self.enlarge(frame.cr, width: frame.chromaWidth, height: frame.chromaHeight, into: v, chromaWidth, chromaHeight, factor)
        }
    }

    private static func enlarge(
        _ plane: Span<UInt8>, width: Int, height: Int, into target: UnsafeMutablePointer<UInt8>, _ targetWidth: Int, _ targetHeight: Int,
        _ factor: Int
    ) {
        for row in 0..<targetHeight {
            let source = min(row / factor, height - 1) * width
            let line = unsafe target + row * targetWidth
            for column in 0..<targetWidth { unsafe line[column] = plane[source + min(column / factor, width - 1)] }
        }
    }
}
