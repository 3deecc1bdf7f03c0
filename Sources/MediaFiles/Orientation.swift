/// How a stored picture is turned and mirrored to stand upright: one of the eight symmetries of a rectangle.
///
/// A stored pixel (x, y) shows at (x, y), or at (y, x) where ``swapsAxes``; then each shown axis is reversed where told.
struct Orientation: Hashable, Sendable {
    var swapsAxes = false
    var reversesX = false
    var reversesY = false

    static let upright = Orientation()

    /// From the nine numbers of an ISO base media display matrix, to the nearest quarter turn.
    init(displayMatrix matrix: UnsafePointer<Int32>) {
        let (a, b, c, d) = unsafe (matrix[0], matrix[1], matrix[3], matrix[4])
        if abs(Int64(a)) + abs(Int64(d)) >= abs(Int64(b)) + abs(Int64(c)) {
            self.init(reversesX: a < 0, reversesY: d < 0)
        } else {
            self.init(swapsAxes: true, reversesX: c < 0, reversesY: b < 0)
        }
    }

    /// From the Exif tag 0x0112, 1…8; anything else is upright.
    init(exif value: Int) {
        switch value {
        case 2: self.init(reversesX: true)
        case 3: self.init(reversesX: true, reversesY: true)
        case 4: self.init(reversesY: true)
        case 5: self.init(swapsAxes: true)
        case 6: self.init(swapsAxes: true, reversesX: true)
        case 7: self.init(swapsAxes: true, reversesX: true, reversesY: true)
        case 8: self.init(swapsAxes: true, reversesY: true)
        default: self.init()
        }
    }

    init(swapsAxes: Bool = false, reversesX: Bool = false, reversesY: Bool = false) {
        self.swapsAxes = swapsAxes
        self.reversesX = reversesX
        self.reversesY = reversesY
    }

    /// Clockwise quarter turns × 90 that show the stored picture upright, mirroring aside.
    var degreesClockwise: Int {
        switch (swapsAxes, reversesX, reversesY) {
        case (false, true, true): 180
        case (true, true, false): 90
        case (true, false, true): 270
        default: 0
        }
    }

    /// Copies a plane of `width` × `height` stored bytes, row stride `sourceStride`, to its upright place: rows of `width`
    /// bytes (of `height` where the axes swap), without padding.
    func copyPlane(_ source: UnsafePointer<UInt8>, sourceStride: Int, width: Int, height: Int, to target: UnsafeMutablePointer<UInt8>) {
        if swapsAxes {
            unsafe copyTransposed(source, sourceStride: sourceStride, width: width, height: height, to: target)
            return
        }
        if !reversesX, !reversesY, sourceStride == width {
            unsafe target.update(from: source, count: width * height)
            return
        }
        for y in 0..<height {
            let row = unsafe source + y * sourceStride
            let shown = unsafe target + (reversesY ? height - 1 - y : y) * width
            if reversesX {
                for x in 0..<width { unsafe shown[width - 1 - x] = row[x] }
            } else {
                unsafe shown.update(from: row, count: width)
            }
        }
    }

    /// In tiles, so that both sides stay in the first-level cache.
    private func copyTransposed(_ source: UnsafePointer<UInt8>, sourceStride: Int, width: Int, height: Int, to target: UnsafeMutablePointer<UInt8>) {
        let tile = 32
        for top in stride(from: 0, to: height, by: tile) {
            let bottom = min(top + tile, height)
            for left in stride(from: 0, to: width, by: tile) {
                for x in left..<min(left + tile, width) {
                    let shown = unsafe target + (reversesY ? width - 1 - x : x) * height
                    if reversesX {
                        for y in top..<bottom { unsafe shown[height - 1 - y] = source[y * sourceStride + x] }
                    } else {
                        for y in top..<bottom { unsafe shown[y] = source[y * sourceStride + x] }
                    }
                }
            }
        }
    }
}
