// The loop that every program over SoapySDR has at its heart, and nothing else: what `examples/soapy_rate.rs` compares with.
#include <SoapySDR/Device.hpp>
#include <chrono>
#include <cstdint>
#include <vector>

extern "C" double phyreplay_bare_reader(const char *format, size_t block, uint64_t samples) {
    try {
        auto *device = SoapySDR::Device::make("driver=phyreplay,pace=false,signal=zero,serial=bare");
        device->setSampleRate(SOAPY_SDR_RX, 0, 60e6);
        auto *stream = device->setupStream(SOAPY_SDR_RX, format);
        device->activateStream(stream);
        std::vector<float> memory(2 * block);
        void *buffers[] = {memory.data()};
        const auto begun = std::chrono::steady_clock::now();
        for (uint64_t total = 0; total < samples;) {
            int flags = 0;
            long long time = 0;
            const int n = device->readStream(stream, buffers, block, flags, time, 100000);
            if (n < 0) return -1.0;
            total += uint64_t(n);
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
        device->deactivateStream(stream);
        device->closeStream(stream);
        SoapySDR::Device::unmake(device);
        return seconds.count();
    } catch (const std::exception &) {
        return -1.0;
    }
}
