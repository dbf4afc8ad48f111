// SPDX-License-Identifier: Apache-2.0
/* bench/peers/grpc-cpp: the same task by gRPC C++, as the yardstick of the gRPC scenarios.
 *
 *   grpc-peer PORT RATE BURST PAYLOAD_BYTES [ROOMS]
 *
 * Subscribe confirms its room, then streams every message of it: RATE messages/s in groups of BURST
 * on a fixed schedule, over the rooms in turn, with the payload of bench/floor. It is what a
 * careful user would write: the callback API; each message is serialized once and its bytes are
 * shared by all calls; all but the last of a burst may wait for the rest (buffer hint). A call
 * follows one room. */
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <unistd.h>

#include <grpcpp/grpcpp.h>

#include "jts/marketdata/v1/marketdata.grpc.pb.h"

namespace md = jts::marketdata::v1;

namespace
{

constexpr uint64_t kKept = 8192; // messages, of all rooms; of one at least:
constexpr uint64_t kKeptOfRoom = 64;

class Call;

struct Room {
    std::string name;
    std::vector<grpc::ByteBuffer> ring; // a call that is more than half of it behind is a fault
    uint64_t head = 0;
    std::vector<Call *> calls;
};

std::vector<Room> rooms;
std::mutex calls_lock; // guards calls and head of all rooms, and the oldest of their rings

grpc::ByteBuffer Serialized(const google::protobuf::Message &message)
{
    grpc::Slice slice(message.SerializeAsString());
    return grpc::ByteBuffer(&slice, 1);
}

class Call final : public grpc::ServerWriteReactor<grpc::ByteBuffer>
{
  public:
    explicit Call(Room &room) : room_(room)
    {
        md::Event event;
        event.mutable_subscription_confirmed()->set_room(room.name);
        confirmation_ = Serialized(event);
        std::lock_guard<std::mutex> all(calls_lock);
        room.calls.push_back(this);
        next_ = end_ = room.head;
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
            room_.calls.erase(std::find(room_.calls.begin(), room_.calls.end(), this));
        }
        delete this;
    }

  private:
    void Write()
    {
        if (is_done_ || next_ == end_)
            return;
        if (end_ - next_ > room_.ring.size() / 2) {
            std::fprintf(stderr, "grpc-peer: a call is too far behind\n");
            std::_Exit(5);
        }
        grpc::WriteOptions options;
        if (next_ + 1 < end_)
            options.set_buffer_hint();
        is_writing_ = true;
        StartWrite(&room_.ring[next_++ % room_.ring.size()], options);
    }

    Room &room_;
    std::mutex lock_;
    grpc::ByteBuffer confirmation_;
    uint64_t next_ = 0, end_ = 0;
    bool is_writing_ = false, is_done_ = false;
};

class Refusal final : public grpc::ServerWriteReactor<grpc::ByteBuffer>
{
  public:
    Refusal()
    {
        Finish({ grpc::StatusCode::INVALID_ARGUMENT, "a call is for one room that there is" });
    }
    void OnDone() override
    {
        delete this;
    }
};

class Service final
    : public md::MarketDataService::WithRawCallbackMethod_Subscribe<md::MarketDataService::Service>
{
    grpc::ServerWriteReactor<grpc::ByteBuffer> *Subscribe(grpc::CallbackServerContext *,
                                                          const grpc::ByteBuffer *request) override
    {
        md::SubscribeRequest asked;
        grpc::Slice slice;
        if (request->DumpToSingleSlice(&slice).ok() &&
            asked.ParseFromArray(slice.begin(), static_cast<int>(slice.size())) &&
            asked.rooms_size() == 1)
            for (Room &room : rooms)
                if (room.name == asked.rooms(0))
                    return new Call(room);
        return new Refusal();
    }
};

grpc::ByteBuffer Message(const Room &room, const std::string &value)
{
    constexpr uint64_t kFirst = 1000000000; // ten digits from the start, as the floor
    md::Event event;
    md::Update *update = event.mutable_update();
    update->set_room(room.name);
    update->set_pos(static_cast<int64_t>(kFirst + room.head));
    update->set_prev(static_cast<int64_t>(kFirst + room.head - 1));
    update->set_ts_ms(1723075200150);
    update->set_event("ticker-update");
    update->set_value(value);
    return Serialized(event);
}

// Messages first..first+cnt-1, the rooms in turn.
void Burst(uint64_t first, uint64_t cnt, uint64_t payload_bytes, int64_t due_ns)
{
    char text[64];
    std::snprintf(text, sizeof text, "{\"t_ns\":%19lld,\"x\":\"", static_cast<long long>(due_ns));
    std::string value(text);
    value.resize(payload_bytes - 2, 'x');
    value += "\"}";
    std::lock_guard<std::mutex> all(calls_lock);
    for (uint64_t i = first; i < first + cnt; i++) {
        Room &room = rooms[i % rooms.size()];
        room.ring[room.head % room.ring.size()] = Message(room, value);
        room.head++;
    }
    for (uint64_t i = first; i < first + std::min<uint64_t>(cnt, rooms.size()); i++) {
        Room &room = rooms[i % rooms.size()];
        for (Call *call : room.calls)
            call->Publish(room.head);
    }
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
    const uint64_t room_cnt = argc == 6 ? std::strtoull(argv[5], nullptr, 10) : 1;
    if (argc < 5 || argc > 6 || room_cnt < 1) {
        std::fprintf(stderr, "usage: grpc-peer PORT RATE BURST PAYLOAD_BYTES [ROOMS]\n");
        return 2;
    }
    const double rate = std::strtod(argv[2], nullptr);
    const uint64_t burst = std::strtoull(argv[3], nullptr, 10);
    const uint64_t payload_bytes = std::strtoull(argv[4], nullptr, 10);
    for (uint64_t i = 0; i < room_cnt; i++) {
        rooms.emplace_back();
        rooms.back().name = "ticker-S" + std::to_string(i);
        rooms.back().ring.resize(std::max(kKept / room_cnt, kKeptOfRoom));
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); // also in the threads to come
    Service service;
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0); // a port that is taken is to be told
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
    uint64_t sent_cnt = 0;
    std::printf("ready %d\n", static_cast<int>(getpid()));
    std::fflush(stdout);
    for (;;) {
        const int64_t wait_ns = due_ns - Now();
        const timespec wait = { wait_ns > 0 ? wait_ns / 1000000000 : 0,
                                wait_ns > 0 ? wait_ns % 1000000000 : 0 };
        if (sigtimedwait(&ends, nullptr, &wait) > 0)
            std::_Exit(0);
        if (Now() < due_ns)
            continue;
        if (rate > 0) {
            Burst(sent_cnt, burst, payload_bytes, due_ns);
            sent_cnt += burst;
        }
        due_ns += step_ns;
    }
}
