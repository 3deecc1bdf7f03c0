import CFFmpeg
import MediaTypes

/// Turns decoded pictures of any pixel format into upright 8-bit 4:2:0 of one size. Thread-bound.
///
/// Planar 8-bit 4:2:0 of that size is copied, and of upright 4:2:2, which most cameras' JPEG is, two rows of chroma become one by their
/// mean; anything else goes through libswscale (bilinear, accurate rounding), which keeps matrix and range of YCbCr. RGB becomes BT.601 full range, as in JPEG. Transparency is ignored.
@safe final class PictureConverter {
    /// Of the upright picture.
    let width: Int
    let height: Int
    let orientation: Orientation
    private var scaler = Scaler()
    /// What libswscale writes, in rows padded as its vector code wants them; made when first needed.
    private let scaled = Frame()

    /// For pictures like `frame`.
    init(like frame: borrowing Frame, orientation: Orientation) {
        let w = unsafe Int(frame.pointer.pointee.width), h = unsafe Int(frame.pointer.pointee.height)
        self.orientation = orientation
        width = orientation.swapsAxes ? h : w
        height = orientation.swapsAxes ? w : h
    }

    private var storedWidth: Int { orientation.swapsAxes ? height : width }
    private var storedHeight: Int { orientation.swapsAxes ? width : height }

    /// Fills `target` (of this converter's size) with the picture and its colour space; false where libswscale cannot convert it.
    func convert(_ frame: borrowing Frame, into target: VideoFrame) -> Bool {
        precondition(target.width == width && target.height == height, "target of another size")
        let source = unsafe frame.pointer
        let format = unsafe AVPixelFormat(rawValue: source.pointee.format)
        let w = unsafe Int(source.pointee.width), h = unsafe Int(source.pointee.height)
        let colour = PictureConverter.colourSpace(frame)
        let isPlanar420 = format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P
        if isPlanar420, w == storedWidth, h == storedHeight {
            guard let y = unsafe source.pointee.data.0, let u = unsafe source.pointee.data.1, let v = unsafe source.pointee.data.2
            else { return false }
            unsafe place(
                (UnsafePointer(y), Int(source.pointee.linesize.0)), (UnsafePointer(u), Int(source.pointee.linesize.1)),
                (UnsafePointer(v), Int(source.pointee.linesize.2)), in: target)
            target.colourSpace = colour
            return true
        }
        let isPlanar422 = format == AV_PIX_FMT_YUV422P || format == AV_PIX_FMT_YUVJ422P
        if isPlanar422, orientation == .upright, w == width, h == height {
            guard let y = unsafe source.pointee.data.0, let u = unsafe source.pointee.data.1, let v = unsafe source.pointee.data.2
            else { return false }
            let linesize = unsafe source.pointee.linesize
            unsafe target.withUnsafePlanes { luma, cb, cr in
                unsafe orientation.copyPlane(UnsafePointer(y), sourceStride: Int(linesize.0), width: w, height: h, to: luma)
                unsafe PictureConverter.halveRows(UnsafePointer(u), sourceStride: Int(linesize.1), width: (w + 1) / 2, height: h, to: cb)
                unsafe PictureConverter.halveRows(UnsafePointer(v), sourceStride: Int(linesize.2), width: (w + 1) / 2, height: h, to: cr)
            }
            target.colourSpace = colour
            return true
        }
        guard scale(frame, format, colour) else { return false }
        let middle = unsafe scaled.pointer
        unsafe place(
            (UnsafePointer(middle.pointee.data.0!), Int(middle.pointee.linesize.0)),
            (UnsafePointer(middle.pointee.data.1!), Int(middle.pointee.linesize.1)),
            (UnsafePointer(middle.pointee.data.2!), Int(middle.pointee.linesize.2)), in: target)
        target.colourSpace = colour
        return true
    }

    /// Means of two rows, halves rounded up; the last row of an odd height stays.
    private static func halveRows(
        _ source: UnsafePointer<UInt8>, sourceStride: Int, width: Int, height: Int, to target: UnsafeMutablePointer<UInt8>
    ) {
        for row in 0..<(height + 1) / 2 {
            let above = unsafe source + 2 * row * sourceStride
            let below = unsafe source + min(2 * row + 1, height - 1) * sourceStride
            let out = unsafe target + row * width
            for i in 0..<width { unsafe out[i] = UInt8(truncatingIfNeeded: (UInt16(above[i]) &+ UInt16(below[i]) &+ 1) &>> 1) }
        }
    }

    private typealias Plane = (start: UnsafePointer<UInt8>, stride: Int)

    private func place(_ luma: Plane, _ cb: Plane, _ cr: Plane, in target: VideoFrame) {
        let w = storedWidth, h = storedHeight
        let cw = (w + 1) / 2, ch = (h + 1) / 2
        unsafe target.withUnsafePlanes { y, u, v in
            unsafe orientation.copyPlane(luma.start, sourceStride: luma.stride, width: w, height: h, to: y)
            unsafe orientation.copyPlane(cb.start, sourceStride: cb.stride, width: cw, height: ch, to: u)
            unsafe orientation.copyPlane(cr.start, sourceStride: cr.stride, width: cw, height: ch, to: v)
        }
    }

    private func scale(_ frame: borrowing Frame, _ format: AVPixelFormat, _ colour: ColourSpace) -> Bool {
        let source = unsafe frame.pointer
        let middle = unsafe scaled.pointer
        if unsafe middle.pointee.data.0 == nil {
            unsafe middle.pointee.width = Int32(storedWidth)
            unsafe middle.pointee.height = Int32(storedHeight)
            unsafe middle.pointee.format = AV_PIX_FMT_YUV420P.rawValue
            guard unsafe av_frame_get_buffer(middle, 0) >= 0 else { return false }
        }
        let matrix = PictureConverter.coefficients(colour.matrix)
        let from = unsafe Scaler.Format(
            width: source.pointee.width, height: source.pointee.height, pixels: format, matrix: matrix, isFullRange: colour.isFullRange)
        let to = Scaler.Format(
            width: Int32(storedWidth), height: Int32(storedHeight), pixels: AV_PIX_FMT_YUV420P, matrix: matrix,
            isFullRange: colour.isFullRange)
        guard scaler.prepare(from: from, to: to, flags: SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP) else { return false }
        return unsafe sws_scale_frame(scaler.pointer, middle, source) >= 0
    }

    private static func isRGB(_ format: AVPixelFormat) -> Bool {
        guard let description = unsafe av_pix_fmt_desc_get(format) else { return false }
        return unsafe description.pointee.flags & UInt64(AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL) != 0
    }

    static func coefficients(_ matrix: ColourSpace.Matrix) -> Int32 {
        switch matrix {
        case .bt601: SWS_CS_ITU601
        case .bt709: SWS_CS_ITU709
        case .bt2020: SWS_CS_BT2020
        }
    }

    /// What the stream says; where it does not, BT.709 above 576 lines and BT.601 below, limited range.
    private static func colourSpace(_ frame: borrowing Frame) -> ColourSpace {
        let picture = unsafe frame.pointer
        let format = unsafe AVPixelFormat(rawValue: picture.pointee.format)
        if isRGB(format) { return ColourSpace(matrix: .bt601, isFullRange: true) }
        let isJPEG =
            switch format {
            case AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUVJ411P,
                AV_PIX_FMT_GRAY8, AV_PIX_FMT_GRAY16LE, AV_PIX_FMT_GRAY16BE, AV_PIX_FMT_YA8, AV_PIX_FMT_MONOWHITE, AV_PIX_FMT_MONOBLACK:
                true
            default: false
            }
        let isFullRange = unsafe isJPEG || picture.pointee.color_range == AVCOL_RANGE_JPEG
        let matrix: ColourSpace.Matrix =
            switch unsafe picture.pointee.colorspace {
            case AVCOL_SPC_BT709: .bt709
            case AVCOL_SPC_BT2020_NCL, AVCOL_SPC_BT2020_CL: .bt2020
            case AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT470BG, AVCOL_SPC_FCC: .bt601
            default: unsafe isJPEG || picture.pointee.height <= 576 ? .bt601 : .bt709
            }
        return ColourSpace(matrix: matrix, isFullRange: isFullRange)
    }
}
