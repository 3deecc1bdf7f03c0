internal import CKernels
internal import MediaTypes

extension fwoc_colour {
    /// Coefficients of Y′CbCr to R′G′B′ 0…255 (ITU-R BT.601, BT.709, BT.2020; limited or full range).
    ///
    /// With the luma weights Kr and Kb, Kg = 1 − Kr − Kb: R = Y + 2(1 − Kr)Cr, B = Y + 2(1 − Kb)Cb, G = Y − (2Kr(1 − Kr)Cr + 2Kb(1 − Kb)Cb)/Kg.
    /// Limited range has Y in 16…235 and Cb, Cr in 16…240.
    init(_ space: ColourSpace) {
        let (kr, kb): (Float, Float) =
            switch space.matrix {
            case .bt601: (0.299, 0.114)
            case .bt709: (0.2126, 0.0722)
            case .bt2020: (0.2627, 0.0593)
            }
        let kg = 1 - kr - kb
        let luma: Float = space.isFullRange ? 1 : 255 / 219
        let chroma: Float = space.isFullRange ? 1 : 255 / 224
        self.init(
            luma: luma, luma_offset: space.isFullRange ? 0 : 16, red_cr: 2 * (1 - kr) * chroma, green_cb: -2 * kb * (1 - kb) / kg * chroma,
            green_cr: -2 * kr * (1 - kr) / kg * chroma, blue_cb: 2 * (1 - kb) * chroma)
    }
}

extension VideoFrame {
    /// Calls a kernel with the frame's planes.
    func withKernelPlanes<R>(_ body: (fwoc_i420) -> R) -> R {
        unsafe withUnsafePlanes { y, cb, cr in
            unsafe body(
                fwoc_i420(
                    y: y, cb: cb, cr: cr, width: Int32(width), height: Int32(height), chroma_width: Int32(chromaWidth),
                    chroma_height: Int32(chromaHeight), stride: Int32(width), chroma_stride: Int32(chromaWidth)))
        }
    }
}
