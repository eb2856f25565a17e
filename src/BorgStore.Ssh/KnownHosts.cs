using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Backends.SshNet;

/// <summary>What the user's and the system's <c>known_hosts</c> say about a server's key.</summary>
internal enum HostKeyState
{
    /// <summary>The key is known for the server.</summary>
    Trusted,

    /// <summary>No key of this type is known for the server.</summary>
    Unknown,

    /// <summary>Another key of this type is known for the server.</summary>
    Changed,

    /// <summary>The key is marked as revoked.</summary>
    Revoked,
}

/// <summary>The known host keys, in the format and with the rules of OpenSSH (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).</summary>
internal sealed class KnownHosts
{
    private const int DefaultPort = 22;
    private const int MaxFileSize = 16 << 20;
    private const string HashMagic = "|1|";
    private const string RevokedMarker = "@revoked";
    private const string AuthorityMarker = "@cert-authority";

    private readonly List<Entry> _entries = [];

    /// <summary>Reads the files of the user and the system; missing ones are skipped.</summary>
    public static KnownHosts Load()
    {
        var home = UserFolder.Ssh;
        var system = OperatingSystem.IsWindows() ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "ssh") : "/etc/ssh";
        var hosts = new KnownHosts();
        foreach (var file in new[] { Path.Combine(home, "known_hosts"), Path.Combine(home, "known_hosts2"), Path.Combine(system, "ssh_known_hosts"), Path.Combine(system, "ssh_known_hosts2") })
            hosts.Read(file);
        return hosts;
    }

    /// <summary>Reads a file; a missing one is skipped.</summary>
    /// <param name="file">The path.</param>
    public void Read(string file)
    {
        var info = new FileInfo(file);
        if (!info.Exists) return;
        if (info.Length > MaxFileSize) throw new StoreException(StoreError.AuthenticationFailed, $"'{file}' is too large for known host keys ({info.Length} bytes).");
        var number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            if (Parse(line, file, number) is { } entry) _entries.Add(entry);
        }
    }

    /// <summary>Compares a key with those that are known for a server.</summary>
    /// <param name="host">The name or address that the user gave.</param>
    /// <param name="port">The port.</param>
    /// <param name="key">The key in the wire format, which begins with its type.</param>
    /// <param name="certificate">The certificate of the key, which a known authority makes as good as a known key; <see langword="null"/> if there is none.</param>
    /// <returns>The state, and the file and line that decided, if any did.</returns>
    public (HostKeyState State, string? Where) Check(string host, int port, ReadOnlySpan<byte> key, HostCertificate? certificate = null)
    {
        var name = NameOf(host, port);
        var type = TypeOf(key);
        string? changed = null;
        var isTrusted = false;
        foreach (var entry in _entries)
        {
            if (!entry.Matches(name)) continue;
            var isSame = key.SequenceEqual(entry.Key);
            var isAuthority = certificate is not null && entry.Key.AsSpan().SequenceEqual(certificate.Authority);
            if (entry.Marker == RevokedMarker && (isSame || isAuthority)) return (HostKeyState.Revoked, entry.Where);
            if (entry.Marker == AuthorityMarker && isAuthority && certificate!.Problem is null) isTrusted = true;
            if (entry.Marker is not null) continue;
            if (isSame) isTrusted = true;
            else if (entry.Type == type) changed ??= entry.Where;
        }
        if (isTrusted) return (HostKeyState.Trusted, null);
        // As ssh does: a key that is known for the host serves at another port too, if none is known for that, and an authority always does.
        if (port != DefaultPort && (certificate is { Problem: null } || !_entries.Exists(entry => entry.Marker is null && entry.Matches(name)))
            && Check(host, DefaultPort, key, certificate).State == HostKeyState.Trusted) return (HostKeyState.Trusted, null);
        return changed is null ? (HostKeyState.Unknown, null) : (HostKeyState.Changed, changed);
    }

    /// <summary>Returns whether an authority is known that may sign the keys of a server.</summary>
    /// <param name="host">The name or address that the user gave.</param>
    /// <param name="port">The port.</param>
    public bool HasAuthority(string host, int port)
        => _entries.Exists(entry => entry.Marker == AuthorityMarker && (entry.Matches(NameOf(host, port)) || entry.Matches(NameOf(host, DefaultPort))));

    /// <summary>Returns the types of the keys that are known for a server, so that it can be asked for one of them.</summary>
    /// <param name="host">The name or address that the user gave.</param>
    /// <param name="port">The port.</param>
    public IReadOnlySet<string> FindTypes(string host, int port)
    {
        var found = TypesOf(NameOf(host, port));
        return found.Count > 0 || port == DefaultPort ? found : TypesOf(NameOf(host, DefaultPort));

        HashSet<string> TypesOf(string name) => [.. _entries.Where(entry => entry.Marker is null && entry.Matches(name)).Select(entry => entry.Type)];
    }

    /// <summary>Returns the name of a server as <c>known_hosts</c> has it.</summary>
    public static string NameOf(string host, int port)
        => port == DefaultPort ? host.ToLowerInvariant() : string.Create(CultureInfo.InvariantCulture, $"[{host.ToLowerInvariant()}]:{port}");

    /// <summary>Returns the type of a key in the wire format.</summary>
    public static string TypeOf(ReadOnlySpan<byte> key)
    {
        if (key.Length < 4) return "";
        var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(key);
        return length >= 0 && length <= key.Length - 4 ? Encoding.ASCII.GetString(key.Slice(4, length)) : "";
    }

    /// <summary>Returns the type of the keys that a signature algorithm is for.</summary>
    public static string TypeOfAlgorithm(string algorithm) => algorithm.StartsWith("rsa-sha2-", StringComparison.Ordinal) ? "ssh-rsa" : algorithm;

    /// <summary>Returns whether a name matches a pattern, in which <c>*</c> stands for any characters and <c>?</c> for one.</summary>
    public static bool MatchesPattern(ReadOnlySpan<char> name, ReadOnlySpan<char> pattern)
    {
        var (at, star, mark) = (0, -1, 0);
        var i = 0;
        while (at < name.Length)
        {
            if (i < pattern.Length && pattern[i] == '*') (star, mark, i) = (i, at, i + 1);
            else if (i < pattern.Length && (pattern[i] == '?' || pattern[i] == name[at])) (i, at) = (i + 1, at + 1);
            else if (star >= 0) (i, at, mark) = (star + 1, mark + 1, mark + 1);
            else return false;
        }
        while (i < pattern.Length && pattern[i] == '*') i++;
        return i == pattern.Length;
    }

    private static Entry? Parse(string line, string file, int number)
    {
        var fields = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var marker = fields.Length > 0 && fields[0].StartsWith('@') ? fields[0] : null;
        if (marker is not null) fields = fields[1..];
        if (fields.Length < 3 || fields[0].StartsWith('#')) return null;
        // The key says its own type; the field before it is for readers.
        var key = new byte[fields[2].Length];
        if (!Convert.TryFromBase64String(fields[2], key, out var length)) return null;
        key = key[..length];
        return TypeOf(key) is { Length: > 0 } type ? new(marker, fields[0], type, key, $"{file}:{number.ToString(CultureInfo.InvariantCulture)}") : null;
    }

    /// <summary>A line of a file.</summary>
    /// <param name="Marker"><c>@revoked</c>, <c>@cert-authority</c>, or <see langword="null"/>.</param>
    /// <param name="Hosts">The names that it is for.</param>
    /// <param name="Type">The type of the key.</param>
    /// <param name="Key">The key in the wire format.</param>
    /// <param name="Where">The file and the number of the line.</param>
    private sealed record Entry(string? Marker, string Hosts, string Type, byte[] Key, string Where)
    {
        public bool Matches(string name)
        {
            if (Hosts.StartsWith(HashMagic, StringComparison.Ordinal)) return MatchesHash(name);
            var isMatched = false;
            foreach (var pattern in Hosts.Split(','))
            {
                var isNegated = pattern.StartsWith('!');
                if (!MatchesPattern(name, pattern.ToLowerInvariant().AsSpan(isNegated ? 1 : 0))) continue;
                if (isNegated) return false;
                isMatched = true;
            }
            return isMatched;
        }

        // |1|salt|HMAC-SHA1 of the name: it only hides names, and the format allows no other.
        [System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5350", Justification = "The format of known_hosts.")]
        private bool MatchesHash(string name)
        {
            var parts = Hosts[HashMagic.Length..].Split('|');
            Span<byte> salt = stackalloc byte[64], hash = stackalloc byte[64];
            return parts.Length == 2 && Convert.TryFromBase64String(parts[0], salt, out var saltLength) && Convert.TryFromBase64String(parts[1], hash, out var hashLength)
                && HMACSHA1.HashData(salt[..saltLength], Encoding.UTF8.GetBytes(name)).AsSpan().SequenceEqual(hash[..hashLength]);
        }
    }
}
