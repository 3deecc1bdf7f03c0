public import MediaTypes

extension CropTransform {
    /// Least-squares similarity without reflection that brings five landmarks to a template (Umeyama, 1991, "Least-squares
    /// estimation of transformation parameters between two point patterns"), as the mapping from the crop to the frame.
    ///
    /// In the plane the optimum has a closed form. With points as complex numbers, p of the frame and q of the template, both about
    /// their means, q ≈ c·p with c = Σ p̄·q / Σ |p|². The error is measured in crop pixels, as in InsightFace.
    /// - Parameter template: one crop position for each of the landmarks.
    public init(aligning landmarks: FaceLandmarks, to template: [SIMD2<Float>] = AlignmentTemplate.arcFace112) throws(FrontEndError) {
        guard template.count == 5 else {
            throw .contractMismatch(field: "picture.template", got: "\(template.count) points", expected: "5 points")
        }
        let frame = (
            SIMD2<Double>(landmarks.leftEye), SIMD2<Double>(landmarks.rightEye), SIMD2<Double>(landmarks.nose),
            SIMD2<Double>(landmarks.leftMouth), SIMD2<Double>(landmarks.rightMouth)
        )
        let frameMean = (frame.0 + frame.1 + frame.2 + frame.3 + frame.4) / 5
        var templateMean = SIMD2<Double>()
        for q in template { templateMean += SIMD2<Double>(q) / 5 }
        var real = 0.0
        var imaginary = 0.0
        var spread = 0.0
        func add(_ point: SIMD2<Double>, _ target: SIMD2<Float>) {
            let p = point - frameMean
            let q = SIMD2<Double>(target) - templateMean
            real += p.x * q.x + p.y * q.y
            imaginary += p.x * q.y - p.y * q.x
            spread += p.x * p.x + p.y * p.y
        }
        add(frame.0, template[0])
        add(frame.1, template[1])
        add(frame.2, template[2])
        add(frame.3, template[3])
        add(frame.4, template[4])
        let norm = real * real + imaginary * imaginary
        guard norm.isFinite, spread > 1e-6, norm > 1e-12 * spread * spread else {
            throw .degenerateLandmarks(FaceLandmarkDescription(landmarks))
        }
        // q = c·p + d, so p = (q − d)/c and 1/c = spread·conj(Σ)/|Σ|².
        let inverseReal = spread * real / norm
        let inverseImaginary = -spread * imaginary / norm
        a = Float(inverseReal)
        b = Float(inverseImaginary)
        tx = Float(frameMean.x - (inverseReal * templateMean.x - inverseImaginary * templateMean.y))
        ty = Float(frameMean.y - (inverseImaginary * templateMean.x + inverseReal * templateMean.y))
    }
}


extension FaceLandmarkDescription {
    init(_ landmarks: FaceLandmarks) {
        text = landmarks.points.map { "(\($0.x), \($0.y))" }.joined(separator: " ")
    }
}
