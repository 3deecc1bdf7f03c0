public import MediaTypes

extension CropTransform {
    /// Square about the centre of a face box, `boxScale` times its longer side, turned so that the eyes are level (face mesh).
    /// - Parameter landmarks: nil leaves the square upright.
    public init(levelSquareAround box: BoundingBox, eyes landmarks: FaceLandmarks?, boxScale: Float = 1.5, size: Int) throws(FrontEndError) {
        let side = max(box.width, box.height) * boxScale
        guard side.isFinite, side > 0, box.x.isFinite, box.y.isFinite, min(box.width, box.height) > 0 else {
            throw .degenerateBox(x: box.x, y: box.y, width: box.width, height: box.height)
        }
        var cosine: Float = 1
        var sine: Float = 0
        if let landmarks {
            let dx = landmarks.rightEye.x - landmarks.leftEye.x
            let dy = landmarks.rightEye.y - landmarks.leftEye.y
            let distance = (dx * dx + dy * dy).squareRoot()
            guard distance.isFinite, distance > 1e-3 else { throw .degenerateLandmarks(FaceLandmarkDescription(landmarks)) }
            cosine = dx / distance
            sine = dy / distance
        }
        self.init(centre: box.centre, side: side, size: size, cosine: cosine, sine: sine)
    }

    /// The crop that TalkNet's and LR-ASD's demonstration code gives their networks (`crop_video` and `evaluate_network`).
    ///
    /// With h half the longer side of the box and s the crop scale, that code cuts x ± h(1 + s) and y − h … y + h(1 + 2s) out of the frame
    /// (border 110), resizes to 224 and keeps the middle half: a square of side h(1 + s) centred at (x, y + h·s). Box edges are slices of a pixel array,
    /// whose position 0 is the left edge of the first pixel; they are not truncated to whole pixels here.
    /// - Parameters:
    ///   - centre: centre of the face box, smoothed over time by the caller.
    ///   - halfSide: half the longer side of the face box, smoothed over time by the caller (the reference: median of 13 frames, see ``RunningMedian``).
    public init(speakingFaceAt centre: Point, halfSide: Float, cropScale: Float = 0.4, size: Int = 112) throws(FrontEndError) {
        guard halfSide.isFinite, halfSide > 0, centre.x.isFinite, centre.y.isFinite else {
            throw .degenerateBox(x: centre.x - halfSide, y: centre.y - halfSide, width: 2 * halfSide, height: 2 * halfSide)
        }
        self.init(
            centre: Point(x: centre.x - 0.5, y: centre.y + halfSide * cropScale - 0.5), side: halfSide * (1 + cropScale), size: size)
    }

    /// Upright square about the middle of the mouth corners, `widthScale` times their distance.
    ///
    /// A head turned away brings the corners together, so the distance is taken as no less than 0.6 of that of the eyes and 0.6 of that from the
    /// eyes' middle to the mouth's, which a turn leaves alone (both are about 0.8 and 0.7 on ArcFace's template).
    public init(mouthOf landmarks: FaceLandmarks, widthScale: Float = 2, size: Int) throws(FrontEndError) {
        func distance(_ p: Point, _ q: Point) -> Float { ((p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y)).squareRoot() }
        func middle(_ p: Point, _ q: Point) -> Point { Point(x: (p.x + q.x) / 2, y: (p.y + q.y) / 2) }
        let mouth = middle(landmarks.leftMouth, landmarks.rightMouth)
        let eyes = middle(landmarks.leftEye, landmarks.rightEye)
        let width = max(
            distance(landmarks.leftMouth, landmarks.rightMouth), 0.6 * distance(landmarks.leftEye, landmarks.rightEye), 0.6 * distance(eyes, mouth))
        guard width.isFinite, width > 1e-3 else { throw .degenerateLandmarks(FaceLandmarkDescription(landmarks)) }
        self.init(centre: mouth, side: width * widthScale, size: size)
    }
}
