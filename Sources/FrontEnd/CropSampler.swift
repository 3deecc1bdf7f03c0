internal import CKernels
public import MediaTypes

/// Cuts crops out of frames: bilinear sampling at the pixel positions that a ``CropTransform`` gives.
///
/// Equivalent to OpenCV's `warpAffine` with `INTER_LINEAR` and a constant border on the frame converted to RGB, with two differences. Chroma is sampled
/// bilinearly in its own plane (centre siting) instead of replicated. And where the crop shrinks the frame by 2 or more, the frame is
/// first averaged over k × k blocks, k the whole part of the factor, so that what remains is a factor below 2 and large faces do not alias.
///
/// Everything is allocated at init. Thread-bound.
@safe public final class CropSampler {
    /// Largest side of a crop in pixels.
    public let maximumSize: Int
    private let variant: fwoc_variant
    private let reduced: Storage<UInt8>
    private let sums: Storage<UInt16>
    private let lumaCapacity: Int

    /// - Parameters:
    ///   - maximumSize: largest side of a crop, 1…1024.
    ///   - variant: kernels to use; the fastest unless a test asks for others.
    public init(maximumSize: Int = 192, variant: KernelVariant = .best) {
        precondition((1...1024).contains(maximumSize), "crop size \(maximumSize)")
        self.maximumSize = maximumSize
        self.variant = variant.isAvailable ? variant.kernelValue : KernelVariant.best.kernelValue
        // The diagonal of the crop times the largest remaining factor (below 3/2 when k ≥ 2), and a margin of two on each side.
        // Where the block is the largest there is, the whole frame has at most 64 × 64 of them.
        let side = max(66, Int((Float(maximumSize) * 1.5 * 1.4143).rounded(.up)) + 6)
        lumaCapacity = side * side
        reduced = Storage(count: lumaCapacity + 2 * ((side + 1) / 2 + 1) * ((side + 1) / 2 + 1))
        sums = Storage(count: 16384)
    }

    /// Writes RGB planes `[3, height, width]`, 0…255, rounded.
    /// - Parameter border: grey level 0…255 outside the frame.
    /// - Precondition: `output` has `3·height·width` elements; both sides are 1…`maximumSize`.
    public func writeRGB(
        _ frame: VideoFrame, _ transform: CropTransform, width: Int, height: Int, border: Float = 0, into output: inout MutableSpan<UInt8>
    ) {
        precondition((1...maximumSize).contains(width) && (1...maximumSize).contains(height), "crop of \(width)x\(height)")
        precondition(output.count == 3 * width * height)
        var colour = fwoc_colour(frame.colourSpace)
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe frame.withKernelPlanes { planes in
                let (source, map) = unsafe prefiltered(planes, transform, width: width, height: height, withChroma: true)
                var planes = unsafe source
                unsafe fwoc_frontend_crop_rgb(&planes, &colour, map, Int32(width), Int32(height), border, output.baseAddress!, variant)
            }
        }
    }

    /// Writes grey levels `[height, width]`, 0…255, rounded: the luma plane, expanded to full range.
    /// - Parameter border: grey level 0…255 outside the frame.
    /// - Precondition: `output` has `height·width` elements; both sides are 1…`maximumSize`.
    public func writeGrey(
        _ frame: VideoFrame, _ transform: CropTransform, width: Int, height: Int, border: Float = 0, into output: inout MutableSpan<UInt8>
    ) {
        precondition((1...maximumSize).contains(width) && (1...maximumSize).contains(height), "crop of \(width)x\(height)")
        precondition(output.count == width * height)
        let colour = fwoc_colour(frame.colourSpace)
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe frame.withKernelPlanes { planes in
                let (source, map) = unsafe prefiltered(planes, transform, width: width, height: height, withChroma: false)
                var planes = unsafe source
                unsafe fwoc_frontend_crop_grey(
                    &planes, colour.luma_offset, colour.luma, map, Int32(width), Int32(height), border, output.baseAddress!, variant)
            }
        }
    }

    /// The frame itself, or the averaged part of it that the crop needs with the mapping to that part.
    private func prefiltered(
        _ planes: fwoc_i420, _ transform: CropTransform, width: Int, height: Int, withChroma: Bool
    ) -> (fwoc_i420, fwoc_similarity) {
        let map = fwoc_similarity(a: transform.a, b: transform.b, tx: transform.tx, ty: transform.ty)
        let factor = Int(min(transform.scale, Float(FWOC_LARGEST_FACTOR)))
        guard factor >= 2 else { return unsafe (planes, map) }
        let k = Float(factor)
        let frameWidth = unsafe Int(planes.width)
        let frameHeight = unsafe Int(planes.height)
        let corners = (
            transform.framePoint(Point(x: 0, y: 0)), transform.framePoint(Point(x: Float(width - 1), y: 0)),
            transform.framePoint(Point(x: 0, y: Float(height - 1))), transform.framePoint(Point(x: Float(width - 1), y: Float(height - 1)))
        )
        /// Blocks [from, to) of one axis that the crop touches, from an even one so that chroma blocks fall together with luma blocks.
        func blocks(_ p: Float, _ q: Float, _ r: Float, _ s: Float, count: Int) -> Range<Int> {
            let limit = Float((count + factor - 1) / factor)
            let low = max(0, min(limit, (min(p, q, r, s) / k).rounded(.down) - 1))
            let high = max(0, min(limit, (max(p, q, r, s) / k).rounded(.up) + 2))
            return (Int(low) & ~1)..<max(Int(low) & ~1, Int(high))
        }
        let columns = blocks(corners.0.x, corners.1.x, corners.2.x, corners.3.x, count: frameWidth)
        let rows = blocks(corners.0.y, corners.1.y, corners.2.y, corners.3.y, count: frameHeight)
        // Nothing of the frame in the crop: the kernel writes the border.
        guard !columns.isEmpty, !rows.isEmpty else { return unsafe (planes, map) }
        precondition(columns.count * rows.count <= lumaCapacity)

        var part = unsafe planes
        let luma = unsafe reduced.pointer
        unsafe fwoc_frontend_box_reduce(
            planes.y, planes.stride, planes.width, planes.height, Int32(columns.lowerBound), Int32(rows.lowerBound), Int32(factor),
            Int32(columns.count), Int32(rows.count), sums.pointer, luma, variant)
        unsafe part.y = UnsafePointer(luma)
        unsafe part.width = Int32(columns.count)
        unsafe part.height = Int32(rows.count)
        unsafe part.stride = Int32(columns.count)
        if withChroma {
            let chromaColumns = (columns.count + 1) / 2
            let chromaRows = (rows.count + 1) / 2
            let cb = unsafe luma + lumaCapacity
            let cr = unsafe cb + chromaColumns * chromaRows
            // No block is missing at odd sides: ⌈⌈w/2⌉/k⌉ = ⌈⌈w/k⌉/2⌉.
            let x = Int32(columns.lowerBound / 2)
            let y = Int32(rows.lowerBound / 2)
            unsafe fwoc_frontend_box_reduce(
                planes.cb, planes.chroma_stride, planes.chroma_width, planes.chroma_height, x, y, Int32(factor), Int32(chromaColumns),
                Int32(chromaRows), sums.pointer, cb, variant)
            unsafe fwoc_frontend_box_reduce(
                planes.cr, planes.chroma_stride, planes.chroma_width, planes.chroma_height, x, y, Int32(factor), Int32(chromaColumns),
                Int32(chromaRows), sums.pointer, cr, variant)
            unsafe part.cb = UnsafePointer(cb)
            unsafe part.cr = UnsafePointer(cr)
            unsafe part.chroma_width = Int32(chromaColumns)
            unsafe part.chroma_height = Int32(chromaRows)
            unsafe part.chroma_stride = Int32(chromaColumns)
        }
        let moved = fwoc_similarity(
            a: map.a / k, b: map.b / k, tx: (map.tx + 0.5) / k - 0.5 - Float(columns.lowerBound), ty: (map.ty + 0.5) / k - 0.5 - Float(rows.lowerBound))
        return unsafe (part, moved)
    }
}
