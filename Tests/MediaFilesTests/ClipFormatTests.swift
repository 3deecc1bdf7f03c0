import MediaFiles
import Testing

@Suite struct ClipFormatTests {
    @Test func endings() {
        #expect(ClipFormat(endingOf: "a/b.c/clip.MP4")?.container == .mp4)
        #expect(ClipFormat(endingOf: "clip.webm") == { var format = ClipFormat(); (format.container, format.video, format.sound) = (.webm, .vp8, .opus); return format }())
        for name in ["clip", "clip.", "clip.gif", ""] { #expect(ClipFormat(endingOf: name) == nil) }
    }

    @Test func whatCannotBe() {
        for container in ClipFormat.Container.allCases {
            var format = ClipFormat(endingOf: "a." + container.rawValue) ?? ClipFormat()
            #expect(format.impossibility == nil, "\(container)")
            (format.video, format.sound) = (.h264, .aac)
            #expect((format.impossibility?.part == .video) == (container == .webm), "\(container)")
        }
        var format = ClipFormat()
        (format.container, format.video, format.sound) = (.webm, .vp9, .mp3)
        #expect(format.impossibility?.part == .sound && format.impossibility?.reason == "mp3 cannot be stored in webm")
    }
}
