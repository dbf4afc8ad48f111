// SPDX-License-Identifier: Apache-2.0
/* bench/peers/grpc_peer: the same task by gRPC C++, as the yardstick of the gRPC scenarios.
 *
 *   grpc-peer PORT RATE BURST PAYLOAD_BYTES
 *
 * Subscribe confirms, then streams every message: RATE messages/s in groups of BURST on a fixed
 * schedule, with the payload of bench/floor. It is what a careful user would write: the callback
 * API; each message is serialized once and its bytes are shared by all calls; all but the last of a
 * burst may wait for the rest (buffer hint). */
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "jts/marketdata/v1/marketdata.grpc.pb.h"

namespace md = jts::marketdata::v1;

namespace
{

constexpr uint64_t kRing = 8192; // messages kept; a call that is further behind is a fault
grpc::ByteBuffer ring[kRing];
std::mutex calls_lock; // guards calls, head, and the ring's oldest

grpc::ByteBuffer Serialized(const google::protobuf::Message &message)
{
    grpc::Slice slice(message.SerializeAsString());
    return grpc::ByteBuffer(&slice, 1);
}

class Call;
std::vector<Call *> calls;
uint64_t head;

class Call final : public grpc::ServerWriteReactor<grpc::ByteBuffer>
{
  public:
    explicit Call(const std::string &room)
    {
        md::Event event;
        event.mutable_subscription_confirmed()->set_room(room);
        confirmation_ = Serialized(event);
        std::lock_guard<std::mutex> all(calls_lock);
        calls.push_back(this);
        next_ = end_ = head;
        is_writing_ = true;
        StartWrite(&confirmation_);
    }

    void Publish(uint64_t end)
    {
        std::lock_guard<std::mutex> own(lock_);
        end_ = end;
        if (!is_writing_)
            Write();
    }

    void OnWriteDone(bool ok) override
    {
        std::lock_guard<std::mutex> own(lock_);
        is_writing_ = false;
        if (ok)
            Write();
    }

    void OnCancel() override
    {
        std::lock_guard<std::mutex> own(lock_);
        is_done_ = true; // nothing may be written behind it
        Finish(grpc::Status::CANCELLED);
    }

    void OnDone() override
    {
        {
            std::lock_guard<std::mutex> all(calls_lock);
            calls.erase(std::find(calls.begin(), calls.end(), this));
        }
        delete this;
    }

  private:
    void Write()
    {
        if (is_done_ || next_ == end_)
            return;
        if (end_ - next_ > kRing / 2) {
            std::fprintf(stderr, "grpc-peer: a call is too far behind\n");
            std::_Exit(5);
        }
        grpc::WriteOptions options;
        if (next_ + 1 < end_)
            options.set_buffer_hint();
        is_writing_ = true;
        StartWrite(&ring[next_++ % kRing], options);
    }

    std::mutex lock_;
    grpc::ByteBuffer confirmation_;
    uint64_t next_ = 0, end_ = 0;
    bool is_writing_ = false, is_done_ = false;
};

class Service final
    : public md::MarketDataService::WithRawCallbackMethod_Subscribe<md::MarketDataService::Service>
{
    grpc::ServerWriteReactor<grpc::ByteBuffer> *Subscribe(grpc::CallbackServerContext *,
                                                          const grpc::ByteBuffer *request) override
    {
        md::SubscribeRequest asked;
        grpc::Slice slice;
        std::string room;
        if (request->DumpToSingleSlice(&slice).ok() &&
            asked.ParseFromArray(slice.begin(), static_cast<int>(slice.size())) &&
            asked.rooms_size())
            room = asked.rooms(0);
        return new Call(room);
    }
};

void Burst(uint64_t cnt, uint64_t payload_bytes, int64_t due_ns)
{
    constexpr uint64_t kFirst = 1000000000; // ten digits from the start, as the floor
    std::lock_guard<std::mutex> all(calls_lock);
    for (uint64_t i = 0; i < cnt; i++, head++) {
        char text[64];
        std::snprintf(text, sizeof text, "{\"t_ns\":%019lld,\"x\":\"",
                      static_cast<long long>(due_ns));
        std::string value(text);
        value.resize(payload_bytes - 2, 'x');
        value += "\"}";
        md::Event event;
        md::Update *update = event.mutable_update();
        update->set_room("ticker-S0");
        update->set_pos(static_cast<int64_t>(kFirst + head));
        update->set_prev(static_cast<int64_t>(kFirst + head - 1));
        update->set_ts_ms(1723075200150);
        update->set_event("ticker-update");
        update->set_value(value);
        ring[head % kRing] = Serialized(event);
    }
    for (Call *call : calls)
        call->Publish(head);
}

int64_t Now()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 5) {
        std::fprintf(stderr, "usage: grpc-peer PORT RATE BURST PAYLOAD_BYTES\n");
        return 2;
    }
    const double rate = std::strtod(argv[2], nullptr);
    const uint64_t burst = std::strtoull(argv[3], nullptr, 10);
    const uint64_t payload_bytes = std::strtoull(argv[4], nullptr, 10);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); // also in the threads to come
    Service service;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(std::string("127.0.0.1:") + argv[1],
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server) {
        std::fprintf(stderr, "grpc-peer: it cannot listen\n");
        return 3;
    }
    const int64_t step_ns =
        rate > 0 ? static_cast<int64_t>(1e9 * static_cast<double>(burst) / rate) : 1000000000;
    int64_t due_ns = Now() + step_ns;
    for (;;) {
        const int64_t wait_ns = due_ns - Now();
        const timespec wait = { wait_ns > 0 ? wait_ns / 1000000000 : 0,
                                wait_ns > 0 ? wait_ns % 1000000000 : 0 };
        if (sigtimedwait(&ends, nullptr, &wait) > 0)
            std::_Exit(0);
        if (Now() < due_ns)
            continue;
        if (rate > 0)
            Burst(burst, payload_bytes, due_ns);
        due_ns += step_ns;
    }
}
