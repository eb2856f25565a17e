using System.Buffers.Binary;
using BorgStore.Backends.SshNet;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The file <c>known_hosts</c>, and patterns of names, compared with their simplest definition.</summary>
internal sealed class KnownHostsTarget : IFuzzTarget, IDisposable
{
    // The type and the bytes of a key, as AAAAB2V4YW1wbGUAAAABYQ==
    private static readonly byte[] Key = [0, 0, 0, 7, .. "example"u8, 0, 0, 0, 1, (byte)'a'];

    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("borgstore-fuzz-").FullName, "known_hosts");

    public IReadOnlyList<string> Tokens => ["\n", " ", "\t", "host", "*.host", "?", "*", "!", ",", "[host]:22", "[host]:2022", "@revoked ", "@cert-authority ", "|1|", "|", "example", "AAAAB2V4YW1wbGUAAAABYQ==", "#", "AAAA"];

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    public void Run(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        var hosts = new KnownHosts();
        Check.IsRefused(() => hosts.Read(_path));
        foreach (var (host, port) in new[] { ("host", 22), ("a.host", 2022), ("::1", 22) })
        {
            var (state, where) = hosts.Check(host, port, Key);
            Check.That(Enum.IsDefined(state) && (where is null) == (state is HostKeyState.Trusted or HostKeyState.Unknown), () => $"The state of a key is {state}, by {where}.");
            Check.That(state is not HostKeyState.Trusted || hosts.FindTypes(host, port).Contains("example"), () => "A key is trusted that is not there.");
            _ = hosts.HasAuthority(host, port);
        }
        _ = KnownHosts.TypeOf(input);
        if (BinaryPrimitives.TryReadInt32BigEndian(input, out _)) _ = KnownHosts.TypeOf(input.AsSpan(4));
        foreach (var text in Check.Texts(input))
        {
            var parts = text.Split(' ', 3);
            if (parts.Length < 2 || parts[0].Length > 12 || parts[1].Length > 12) continue;
            Check.Equal(Matches(parts[0], parts[1]), KnownHosts.MatchesPattern(parts[0], parts[1]), $"whether '{parts[0]}' matches '{parts[1]}'");
        }
    }

    private static bool Matches(ReadOnlySpan<char> name, ReadOnlySpan<char> pattern)
    {
        if (pattern.IsEmpty) return name.IsEmpty;
        if (pattern[0] == '*') return Matches(name, pattern[1..]) || (!name.IsEmpty && Matches(name[1..], pattern));
        return !name.IsEmpty && (pattern[0] == '?' || pattern[0] == name[0]) && Matches(name[1..], pattern[1..]);
    }
}
