internal import CKernels
public import MediaTypes

/// Scales whole frames to a detector's input: resize, colour conversion and normalisation in one pass.
///
/// Bilinear like OpenCV's `INTER_LINEAR` while the picture shrinks by at most 2 (or grows). Where it shrinks by more, it is first averaged over k × k
/// blocks (`INTER_AREA`), k the whole part of the factor, so that what remains is a factor below 2 and nothing aliases; exactly 3, 4, … are plain averages.
/// The frame is kept at the top left with its aspect; the rest is `border`.
///
/// Everything is allocated at init. Thread-bound.
@safe public final class DetectorInput {
    public let contract: PictureContract
    private let variant: fwoc_variant
    private let tables: Storage<Int32>
    private let bytes: Storage<UInt8>
    private let rows: Storage<Int16>
    private let sums: Storage<UInt16>
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
        let lumaRow = Self.widest + 8
        let chromaRow = Self.widest / 2 + 8
        let slot = Self.widest / 2 + 1
        tables = Storage(count: 4 * width)
        bytes = Storage(count: 8 * width + 6 * slot)
        rows = Storage(count: lumaRow + 2 * chromaRow)
        sums = Storage(count: Self.widest)
        unsafe plan = fwoc_resize_plan()
        unsafe plan.luma_columns = fwoc_resize_columns(index: tables.pointer, weights: tables.pointer + width, shuffle: bytes.pointer)
        unsafe plan.chroma_columns = fwoc_resize_columns(
            index: tables.pointer + 2 * width, weights: tables.pointer + 3 * width, shuffle: bytes.pointer + 4 * width)
        unsafe plan.luma_row = rows.pointer
        unsafe plan.cb_row = rows.pointer + lumaRow
        unsafe plan.cr_row = rows.pointer + lumaRow + chromaRow
        let slots = unsafe bytes.pointer + 8 * width
        unsafe plan.luma_slots.row = (slots, slots + slot)
        unsafe plan.cb_slots.row = (slots + 2 * slot, slots + 3 * slot)
        unsafe plan.cr_slots.row = (slots + 4 * slot, slots + 5 * slot)
        unsafe plan.sums = sums.pointer
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
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            let out = buffer.baseAddress!
            unsafe frame.withKernelPlanes { planes in
                var planes = unsafe planes
                unsafe fwoc_frontend_resize(&plan, &planes, &colour, &channels, out, width, width * height, variant)
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
