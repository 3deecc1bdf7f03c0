import Capture
import Testing

struct CameraNameTests {
    @Test func names() throws {
        #expect(try CameraName("/dev/v4l/by-id/usb-046d_C270-video-index0") == .path("/dev/v4l/by-id/usb-046d_C270-video-index0"))
        #expect(try CameraName("usb:046d:0825") == .usb(USBIdentity(vendor: 0x046d, product: 0x0825)))
        #expect(try CameraName("usb:046D:0825:A1:B2") == .usb(USBIdentity(vendor: 0x046d, product: 0x0825, serial: "A1:B2")))
        #expect(try CameraName("usb:046D:0825:A1").description == "usb:046d:0825:A1")
    }

    @Test(arguments: ["", "video0", "usb:", "usb:046d", "usb:46d:0825", "usb:046d:0825:", "usb:046d:082g", "usb:+46d:0825", "/dev/\0"])
    func notNames(text: String) {
        #expect(throws: CameraError.invalidName(text)) { try CameraName(text) }
    }

    @Test func fourCharacterCodes() {
        #expect(FourCharacterCode(0x5659_5559).description == "YUYV")
        #expect(FourCharacterCode("YUYV").value == 0x5659_5559)
        #expect(FourCharacterCode(0x2038_3047).description == "G08")
        #expect(FourCharacterCode(0x8000_0001).description == "0x80000001")
    }
}
