/// Numbers of points of MediaPipe's face mesh.
enum FaceMesh {
    /// Around the face, from the top clockwise as seen.
    static let rim = [
        10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    ]
    /// Of the lips' opening, around.
    static let innerLips = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
    /// Image-left eye from the outer corner over the lower lid to the inner corner and back over the upper lid.
    static let leftEye = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
    static let rightEye = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
    /// Upper lid, its fold and the lower lid, outer to inner.
    static let leftLids = (upper: [246, 161, 160, 159, 158, 157, 173], fold: [247, 30, 29, 27, 28, 56, 190], lower: [7, 163, 144, 145, 153, 154, 155])
    static let rightLids = (upper: [466, 388, 387, 386, 385, 384, 398], fold: [467, 260, 259, 257, 258, 286, 414], lower: [249, 390, 373, 374, 380, 381, 382])
    /// Upper and lower edge of the brows, outer to inner.
    static let leftBrow = (upper: [70, 63, 105, 66, 107], lower: [46, 53, 52, 65, 55])
    static let rightBrow = (upper: [300, 293, 334, 296, 336], lower: [276, 283, 282, 295, 285])
    static let nose = 1
    static let chin = 152
    static let forehead = 10
    static let mouthCorners = (left: 61, right: 291)
    static let lipMiddles = (upper: 13, lower: 14)
    /// Where the face's width is measured.
    static let sides = (left: 234, right: 454)
}
