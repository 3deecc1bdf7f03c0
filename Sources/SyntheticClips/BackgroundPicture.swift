import MediaFiles
import MediaTypes
import SyntheticFaces

/// A picture file as a background: cut to the clip's shape, from its middle, and scaled.
enum BackgroundPicture {
    static func read(_ path: String, width: Int, height: Int) throws -> SyntheticFaces.Picture {
        let frame = try PictureReader.read(path).frame
        let scale = min(Double(frame.width) / Double(width), Double(frame.height) / Double(height))
        let (left, top) = ((Double(frame.width) - scale * Double(width)) / 2, (Double(frame.height) - scale * Double(height)) / 2)
        var picture = SyntheticFaces.Picture(width: width, height: height)
        let isFull = frame.colourSpace.isFullRange
        let (luma, cb, cr) = (frame.luma, frame.cb, frame.cr)
        for y in 0..<height {
            let sy = min(frame.height - 1, Int(top + (Double(y) + 0.5) * scale))
            for x in 0..<width {
                let sx = min(frame.width - 1, Int(left + (Double(x) + 0.5) * scale))
                // The mean of the pixels that become one, up to 4 × 4.
                let reach = max(1, min(4, Int(scale)))
                var sum = 0, count = 0
                for yy in sy..<min(frame.height, sy + reach) { for xx in sx..<min(frame.width, sx + reach) { (sum, count) = (sum + Int(luma[yy * frame.width + xx]), count + 1) } }
                let value = Float(sum) / Float(count)
                let l = isFull ? value : (value - 16) * 255 / 219
                let chroma = (sy / 2) * frame.chromaWidth + sx / 2
                let stretch: Float = isFull ? 1 : 255 / 224
                let u = (Float(cb[chroma]) - 128) * stretch, v = (Float(cr[chroma]) - 128) * stretch
                let at = (y * width + x) * 3
                for (c, level) in [l + 1.402 * v, l - 0.344 * u - 0.714 * v, l + 1.772 * u].enumerated() { picture.pixels[at + c] = UInt8(max(0, min(255, level + 0.5))) }
            }
        }
        return picture
    }
}
