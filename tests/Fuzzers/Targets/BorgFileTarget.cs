using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Tests.Fuzzing.Driver;
using BorgStore.Verification;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The files of Borg that are read without its key: the configuration, fragments of the index, and packs.</summary>
internal sealed class BorgFileTarget : IFuzzTarget
{
    public IReadOnlyList<string> Tokens =>
    [
        "# This is a Borg Backup repository.", "[repository]", "version", "=", ":", "\n", "BORGHASH", "BORG_OBJ", "\"key_size\":", "\"value_size\":", "\"value_type_fields\":", "\"value_format\":", "\"pack_id\"", "\"32s\"",
        "\"256s\"", "\"I\"", "[", "]", "{", "}", ",", "\0\0\0\0", "\u0001\0\0\0",
    ];

    public void Run(byte[] input) => RunAsync(input).GetAwaiter().GetResult();

    private static async Task RunAsync(byte[] input)
    {
        var backend = MemoryStores.Open("memory:borg", ("config/config", input), ("packs/aa/aa00", input));
        if (await BorgRepository.FindAsync(backend, default) is { } repository) Check.That(repository.Version is null or >= 0, () => "A version is negative.");
        var packs = new HashSet<string>();
        await using var fragment = new MemoryValueStream(input);
        await ChunkIndex.TryReadAsync(fragment, packs, default);
        Check.That(packs.All(pack => pack.Length == 64 && pack.All(char.IsAsciiHexDigitLower)), () => "The key of a pack is no digest.");
        foreach (var size in new long[] { input.Length, input.Length + 100 })
            Check.That((await PackWalk.DescribeAsync(backend, "packs/aa/aa00", size, default)).Reason.Length > 0, () => "There is no reason.");
    }
}
