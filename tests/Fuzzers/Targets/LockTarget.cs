using BorgStore.Borg;
using BorgStore.Hashing;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Locks of Borg, which anybody who may write to the repository has made.</summary>
internal sealed class LockTarget : IFuzzTarget
{
    public IReadOnlyList<string> Tokens =>
    [
        "{\"exclusive\"", "\"exclusive\":", "\"hostid\":", "\"processid\":", "\"threadid\":", "\"time\":", "true", "false", "null", "\"2026-01-01T00:00:00.000+00:00\"", "\"0001-01-01T00:00:00+14:00\"",
        "\"9999-12-31T23:59:59-14:00\"", "\"host@1\"", "{", "}", ":", ",", "\\ud800", "\\u0000", "\\u001b",
    ];

    public void Run(byte[] input)
    {
        if (LockContent.Parse(input) is { } content)
        {
            Check.Equal(DateTimeKind.Utc, content.Time.Kind, "the kind of a time");
            // Written with milliseconds.
            var written = content with { Time = content.Time.AddTicks(-(content.Time.Ticks % TimeSpan.TicksPerMillisecond)) };
            Check.Equal(written, LockContent.Parse(content.ToBytes()), "a lock that is written again");
        }
        var gate = new OperationGate("store");
        gate.Open();
        var backend = MemoryStores.Open("memory:locks", ($"locks/{HashKind.Sha256.ComputeHex(input)}", input));
        var locks = new BorgLocks(backend, gate, "memory:locks", usesBlake3: false);
        var listed = locks.ListAsync().GetAwaiter().GetResult();
        Check.Equal(1, listed.Count, "the number of locks");
        Check.That(listed[0].IsReadable || listed[0].IsExclusive, () => "A lock that cannot be read admits others.");
        Check.That(!listed[0].IsStale || listed[0].LastWriteTime is null, () => "A lock that was written just now is stale.");
        Check.IsRefused(() => throw locks.CreateLockedException(listed));
    }
}
