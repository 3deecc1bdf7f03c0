import CCairo
import CFFmpeg
import MediaTypes

/// A picture to draw on: lines, boxes and text over a video frame, in pixels of the frame.
///
/// Storage is made once and used for every frame of that size. Thread-bound.
@safe public final class Canvas {
    /// Components 0…1, sRGB, not premultiplied.
    public struct Colour: Hashable, Sendable {
        public var red: Double
        public var green: Double
        public var blue: Double
        public var alpha: Double

        public init(red: Double, green: Double, blue: Double, alpha: Double = 1) {
            self.red = red
            self.green = green
            self.blue = blue
            self.alpha = alpha
        }

        public static let white = Colour(red: 1, green: 1, blue: 1)
        public static let black = Colour(red: 0, green: 0, blue: 0)

        public func opacity(_ alpha: Double) -> Colour { Colour(red: red, green: green, blue: blue, alpha: alpha) }
    }

    public let width: Int
    public let height: Int
    /// Native-endian RGB, 32 bits a pixel: the layout of cairo's surface.
    private let pixels = Frame()
    /// The frame in rows padded as libswscale's vector code wants them.
    private let planes = Frame()
    private var toColours = Scaler()
    private var toPlanes = Scaler()
    /// Chroma at full width on both sides where the width is odd: the faster way reads a column that is not there.
    private var scaling: Int32 { SWS_BILINEAR | SWS_ACCURATE_RND | (width % 2 == 0 ? 0 : SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP) }
    private let surface: OpaquePointer
    private let pen: OpaquePointer

    /// - Precondition: both sides are 1…16384.
    public init(width: Int, height: Int) {
        precondition((1...16384).contains(width) && (1...16384).contains(height), "canvas of \(width)x\(height)")
        self.width = width
        self.height = height
        let colours = unsafe pixels.pointer, parts = unsafe planes.pointer
        unsafe Canvas.allocate(colours, width, height, Canvas.pixelFormat)
        unsafe Canvas.allocate(parts, width, height, AV_PIX_FMT_YUV420P)
        unsafe surface = cairo_image_surface_create_for_data(
            colours.pointee.data.0, CAIRO_FORMAT_RGB24, Int32(width), Int32(height), colours.pointee.linesize.0)
        unsafe pen = cairo_create(surface)
        unsafe cairo_select_font_face(pen, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD)
        fill(BoundingBox(x: 0, y: 0, width: Float(width), height: Float(height)), .black)
    }

    deinit {
        unsafe cairo_destroy(pen)
        unsafe cairo_surface_destroy(surface)
    }

    private static func allocate(_ frame: UnsafeMutablePointer<AVFrame>, _ width: Int, _ height: Int, _ format: AVPixelFormat) {
        unsafe frame.pointee.width = Int32(width)
        unsafe frame.pointee.height = Int32(height)
        unsafe frame.pointee.format = format.rawValue
        let made = unsafe av_frame_get_buffer(frame, 0)
        precondition(made >= 0, "out of memory for a canvas of \(width)x\(height)")
    }

    private static var pixelFormat: AVPixelFormat { 1.littleEndian == 1 ? AV_PIX_FMT_BGRA : AV_PIX_FMT_ARGB }

    // MARK: Frames

    /// Shows a frame; what was drawn before is gone.
    /// - Precondition: the frame has this canvas's size.
    public func show(_ frame: VideoFrame) {
        precondition(frame.width == width && frame.height == height, "frame of another size")
        let parts = unsafe planes.pointer
        unsafe frame.withUnsafePlanes { y, u, v in
            unsafe Canvas.copy(y, width, to: parts.pointee.data.0!, Int(parts.pointee.linesize.0), width, height)
            unsafe Canvas.copy(u, frame.chromaWidth, to: parts.pointee.data.1!, Int(parts.pointee.linesize.1), frame.chromaWidth, frame.chromaHeight)
            unsafe Canvas.copy(v, frame.chromaWidth, to: parts.pointee.data.2!, Int(parts.pointee.linesize.2), frame.chromaWidth, frame.chromaHeight)
        }
        unsafe cairo_surface_flush(surface)
        let isReady = toColours.prepare(from: format(of: frame, AV_PIX_FMT_YUV420P), to: colourFormat, flags: scaling)
        precondition(isReady, "libswscale without YCbCr to RGB")
        unsafe sws_scale_frame(toColours.pointer, pixels.pointer, parts)
        unsafe cairo_surface_mark_dirty(surface)
    }

    /// Shows a picture; what was drawn before is gone.
    /// - Parameter planes: `[3, height, width]`: red, green and blue, 0…255.
    /// - Precondition: the picture has this canvas's size.
    public func show(rgbPlanes planes: Span<UInt8>) {
        precondition(planes.count == 3 * width * height, "picture of another size")
        unsafe cairo_surface_flush(surface)
        let target = unsafe pixels.pointer.pointee.data.0!, stride = unsafe Int(pixels.pointer.pointee.linesize.0), plane = width * height
        for y in 0..<height {
            let row = unsafe UnsafeMutableRawPointer(target + y * stride).assumingMemoryBound(to: UInt32.self)
            for x in 0..<width {
                let place = y * width + x
                unsafe row[x] = 0xFF00_0000 | UInt32(planes[place]) << 16 | UInt32(planes[plane + place]) << 8 | UInt32(planes[2 * plane + place])
            }
        }
        unsafe cairo_surface_mark_dirty(surface)
    }

    /// Puts what the canvas shows into a frame, in the frame's own colour space; its instant stays.
    /// - Precondition: the frame has this canvas's size.
    public func copy(into frame: VideoFrame) {
        precondition(frame.width == width && frame.height == height, "frame of another size")
        let parts = unsafe planes.pointer
        unsafe cairo_surface_flush(surface)
        let isReady = toPlanes.prepare(from: colourFormat, to: format(of: frame, AV_PIX_FMT_YUV420P), flags: scaling)
        precondition(isReady, "libswscale without RGB to YCbCr")
        unsafe sws_scale_frame(toPlanes.pointer, parts, pixels.pointer)
        unsafe frame.withUnsafePlanes { y, u, v in
            unsafe Canvas.copy(parts.pointee.data.0!, Int(parts.pointee.linesize.0), to: y, width, width, height)
            unsafe Canvas.copy(parts.pointee.data.1!, Int(parts.pointee.linesize.1), to: u, frame.chromaWidth, frame.chromaWidth, frame.chromaHeight)
            unsafe Canvas.copy(parts.pointee.data.2!, Int(parts.pointee.linesize.2), to: v, frame.chromaWidth, frame.chromaWidth, frame.chromaHeight)
        }
    }

    /// Writes what the canvas shows as a PNG file.
    public func writePNG(_ path: String) throws(MediaError) {
        unsafe cairo_surface_flush(surface)
        let status = unsafe cairo_surface_write_to_png(surface, path)
        guard status == CAIRO_STATUS_SUCCESS else {
            throw .writeFailed(path: path, operation: "writing the picture", detail: unsafe String(cString: cairo_status_to_string(status)))
        }
    }

    /// What the canvas shows, as the bytes of a PNG file.
    public func png() throws(MediaError) -> [UInt8] {
        unsafe cairo_surface_flush(surface)
        var bytes: [UInt8] = []
        let status = unsafe withUnsafeMutablePointer(to: &bytes) { bytes in
            unsafe cairo_surface_write_to_png_stream(
                surface,
                { bytes, data, count in
                    unsafe bytes!.assumingMemoryBound(to: [UInt8].self).pointee.append(contentsOf: UnsafeBufferPointer(start: data, count: Int(count)))
                    return CAIRO_STATUS_SUCCESS
                }, bytes)
        }
        guard status == CAIRO_STATUS_SUCCESS else {
            throw .writeFailed(path: "PNG", operation: "writing the picture", detail: unsafe String(cString: cairo_status_to_string(status)))
        }
        return bytes
    }

    private var colourFormat: Scaler.Format {
        Scaler.Format(width: Int32(width), height: Int32(height), pixels: Canvas.pixelFormat, matrix: SWS_CS_ITU601, isFullRange: true)
    }

    private func format(of frame: VideoFrame, _ pixels: AVPixelFormat) -> Scaler.Format {
        Scaler.Format(
            width: Int32(width), height: Int32(height), pixels: pixels,
            matrix: PictureConverter.coefficients(frame.colourSpace.matrix), isFullRange: frame.colourSpace.isFullRange)
    }

    private static func copy(
        _ source: UnsafePointer<UInt8>, _ sourceStride: Int, to target: UnsafeMutablePointer<UInt8>, _ targetStride: Int, _ width: Int,
        _ height: Int
    ) {
        for y in 0..<height { unsafe (target + y * targetStride).update(from: source + y * sourceStride, count: width) }
    }

    // MARK: Drawing

    /// The outline of a box, its corners rounded with that radius.
    public func outline(_ box: BoundingBox, _ colour: Colour, lineWidth: Double = 2, cornerRadius: Double = 0) {
        trace(box, cornerRadius)
        ink(colour)
        unsafe cairo_set_line_width(pen, lineWidth)
        unsafe cairo_stroke(pen)
    }

    public func fill(_ box: BoundingBox, _ colour: Colour, cornerRadius: Double = 0) {
        trace(box, cornerRadius)
        ink(colour)
        unsafe cairo_fill(pen)
    }

    public func fillCircle(_ centre: Point, radius: Double, _ colour: Colour) {
        unsafe cairo_new_path(pen)
        unsafe cairo_arc(pen, Double(centre.x) + 0.5, Double(centre.y) + 0.5, radius, 0, 2 * .pi)
        ink(colour)
        unsafe cairo_fill(pen)
    }

    public func line(_ start: Point, _ end: Point, _ colour: Colour, lineWidth: Double = 2) { path([start, end], colour, lineWidth: lineWidth) }

    /// Straight lines from point to point.
    public func path(_ points: [Point], _ colour: Colour, lineWidth: Double = 2, isClosed: Bool = false) {
        unsafe cairo_new_path(pen)
        for point in points { unsafe cairo_line_to(pen, Double(point.x) + 0.5, Double(point.y) + 0.5) }
        if isClosed { unsafe cairo_close_path(pen) }
        ink(colour)
        unsafe cairo_set_line_width(pen, lineWidth)
        unsafe cairo_stroke(pen)
    }

    /// Width of a line of text, and the height that every line of that size takes, in pixels.
    public func extent(of text: String, size: Double) -> (width: Double, height: Double) {
        unsafe cairo_set_font_size(pen, size)
        var line = cairo_text_extents_t()
        var font = cairo_font_extents_t()
        unsafe cairo_text_extents(pen, text, &line)
        unsafe cairo_font_extents(pen, &font)
        return (line.x_advance, font.ascent + font.descent)
    }

    /// A line of text, DejaVu Sans Bold; `at` is its top left corner. With a plate of that colour behind it, larger than the
    /// text by a third of its size left and right.
    /// - Returns: the box that it takes, with the plate.
    @discardableResult
    public func text(_ text: String, at corner: Point, size: Double, _ colour: Colour, plate: Colour? = Colour.black.opacity(0.6)) -> BoundingBox {
        let (width, height) = extent(of: text, size: size)
        let margin = plate == nil ? 0 : size / 3
        let box = BoundingBox(x: corner.x, y: corner.y, width: Float(width + 2 * margin), height: Float(height))
        if let plate { fill(box, plate, cornerRadius: size / 5) }
        var font = cairo_font_extents_t()
        unsafe cairo_font_extents(pen, &font)
        ink(colour)
        unsafe cairo_move_to(pen, Double(corner.x) + margin, Double(corner.y) + font.ascent)
        unsafe cairo_show_text(pen, text)
        return box
    }

    private func ink(_ colour: Colour) { unsafe cairo_set_source_rgba(pen, colour.red, colour.green, colour.blue, colour.alpha) }

    private func trace(_ box: BoundingBox, _ cornerRadius: Double) {
        let x = Double(box.x), y = Double(box.y), w = Double(box.width), h = Double(box.height)
        let r = max(0, min(cornerRadius, w / 2, h / 2))
        unsafe cairo_new_path(pen)
        guard r > 0 else {
            unsafe cairo_rectangle(pen, x, y, w, h)
            return
        }
        unsafe cairo_arc(pen, x + w - r, y + r, r, -.pi / 2, 0)
        unsafe cairo_arc(pen, x + w - r, y + h - r, r, 0, .pi / 2)
        unsafe cairo_arc(pen, x + r, y + h - r, r, .pi / 2, .pi)
        unsafe cairo_arc(pen, x + r, y + r, r, .pi, 3 * .pi / 2)
        unsafe cairo_close_path(pen)
    }
}
