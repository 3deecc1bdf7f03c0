internal import CKernels
public import MediaTypes

/// Scales whole frames to a detector's input: resize, colour conversion and normalisation in one pass.
///
/// Bilinear like OpenCV's `INTER_LINEAR` while the picture shrinks by at most 2 (or grows); above that the area average of `INTER_AREA`, which does
/// not alias. The frame is kept at the top left with its aspect; the rest is `border`.
///
/// Everything is allocated at init. Thread-bound.
@safe public final class DetectorInput {
    public let contract: PictureContract
    private let variant: fwoc_variant
    private let tables: Storage<Int32>
    private let rows: Storage<Int16>
    private let sums: Storage<Float>
    private var plan: fwoc_resize_plan
    private let channels: fwoc_channels

    private static let widest = 16384

    /// - Parameter variant: kernels to use; the fastest unless a test asks for others.
    public init(contract: PictureContract, variant: KernelVariant = .best) throws(FrontEndError) {
        guard contract.geometry == .letterbox else {
            throw .contractMismatch(field: "picture.geometry", got: "\(contract.geometry)", expected: "letterbox")
        }
        guard contract.colour != .grey else { throw .contractMismatch(field: "picture.colour", got: "grey", expected: "rgb or bgr") }
        guard (1...4096).contains(contract.width), (1...4096).contains(contract.height) else {
            throw .contractMismatch(field: "picture size", got: "\(contract.width)x\(contract.height)", expected: "sides of 1…4096")
        }
        let normalisation = try PixelNormalisation(contract)
        self.contract = contract
        self.variant = variant.isAvailable ? variant.kernelValue : KernelVariant.best.kernelValue
        channels = normalisation.kernelChannels(isBGR: contract.colour == .bgr)

        let width = contract.width
        tables = Storage(count: 4 * width)
        let lumaRow = Self.widest + 2
        let chromaRow = Self.widest / 2 + 2
        rows = Storage(count: lumaRow + 2 * chromaRow)
        sums = Storage(count: lumaRow + 2 * chromaRow + 3 * width)
        unsafe plan = fwoc_resize_plan()
        unsafe plan.luma_index = tables.pointer
        unsafe plan.luma_weights = tables.pointer + width
        unsafe plan.chroma_index = tables.pointer + 2 * width
        unsafe plan.chroma_weights = tables.pointer + 3 * width
        unsafe plan.luma_row = rows.pointer
        unsafe plan.cb_row = rows.pointer + lumaRow
        unsafe plan.cr_row = rows.pointer + lumaRow + chromaRow
        unsafe plan.luma_sum = sums.pointer
        unsafe plan.cb_sum = sums.pointer + lumaRow
        unsafe plan.cr_sum = sums.pointer + lumaRow + chromaRow
        let out = unsafe sums.pointer + lumaRow + 2 * chromaRow
        unsafe plan.luma_out = out
        unsafe plan.cb_out = out + width
        unsafe plan.cr_out = out + 2 * width
    }

    /// Writes `[3, height, width]` planes.
    /// - Precondition: `output` has `contract.elementCount` elements.
    public func write(_ frame: VideoFrame, into output: inout MutableSpan<Float>) -> Letterbox {
        let width = contract.width
        let height = contract.height
        precondition(output.count == contract.elementCount, "\(output.count) elements for \(contract.elementCount)")
        let letterbox = Letterbox(frameWidth: frame.width, frameHeight: frame.height, width: width, height: height)
        let isNew =
            unsafe plan.source_width != Int32(frame.width) || plan.source_height != Int32(frame.height)
            || plan.width != Int32(letterbox.contentWidth) || plan.height != Int32(letterbox.contentHeight)
        if isNew {
            unsafe fwoc_frontend_resize_prepare(
                &plan, Int32(frame.width), Int32(frame.height), Int32(letterbox.contentWidth), Int32(letterbox.contentHeight))
        }
        var colour = fwoc_colour(frame.colourSpace)
        var channels = channels
        let shrinksMuch = min(letterbox.scaleX, letterbox.scaleY) >= 2 && max(letterbox.scaleX, letterbox.scaleY) > 2.001
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            let out = buffer.baseAddress!
            unsafe frame.withKernelPlanes { planes in
                var planes = unsafe planes
                if shrinksMuch {
                    unsafe fwoc_frontend_resize_area(&plan, &planes, &colour, &channels, out, width, width * height, variant)
                } else {
                    unsafe fwoc_frontend_resize_bilinear(&plan, &planes, &colour, &channels, out, width, width * height, variant)
                }
            }
            for plane in 0..<3 {
                let padding = (contract.border - contract.mean[plane]) * contract.scale[plane]
                let start = unsafe out + plane * width * height
                if letterbox.contentWidth < width {
                    for row in 0..<letterbox.contentHeight {
                        unsafe (start + row * width + letterbox.contentWidth).update(repeating: padding, count: width - letterbox.contentWidth)
                    }
                }
                unsafe (start + letterbox.contentHeight * width).update(repeating: padding, count: (height - letterbox.contentHeight) * width)
            }
        }
        return letterbox
    }
}
