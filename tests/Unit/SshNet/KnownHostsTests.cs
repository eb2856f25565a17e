using System.Diagnostics;
using BorgStore.Backends.SshNet;

namespace BorgStore.Tests.SshNet;

/// <summary>Known host keys, with the rules of OpenSSH.</summary>
public sealed class KnownHostsTests : IDisposable
{
    private const string Ed = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKXNkNhAmkKDJ1Oc+3CHBTrRDwhVSPYwRVk7GCn4mEwA";
    private const string OtherEd = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJcFKdsbBk4MHyRXP1xNnyoVXOtnPPAQKg1tWl2YYZZ";
    private const string Ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBO1RvMwEnsLwNrYlCVi2pQ8jjQL4dFLQ2eP5ssNKr5aTrgRWxvcJjSEmTYS83Bo1yA0uFqlbZU8V/6tKjz1fsq0=";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("host " + Ed, "host", 22, "Trusted")]
    [InlineData("HOST " + Ed, "Host", 22, "Trusted")]
    [InlineData("host,10.0.0.1 " + Ed + " a comment", "10.0.0.1", 22, "Trusted")]
    [InlineData("host " + OtherEd, "host", 22, "Changed")]
    [InlineData("host " + Ecdsa, "host", 22, "Unknown")]
    [InlineData("host " + OtherEd + "\nhost " + Ed, "host", 22, "Trusted")]
    [InlineData("# host " + Ed, "host", 22, "Unknown")]
    [InlineData("", "host", 22, "Unknown")]
    [InlineData("other " + Ed, "host", 22, "Unknown")]
    [InlineData("[host]:2222 " + Ed, "host", 2222, "Trusted")]
    [InlineData("[host]:2222 " + Ed, "host", 22, "Unknown")]
    [InlineData("host " + Ed, "host", 2222, "Trusted")]
    [InlineData("host " + OtherEd, "host", 2222, "Unknown")]
    [InlineData("[host]:2222 " + OtherEd + "\nhost " + Ed, "host", 2222, "Changed")]
    [InlineData("*.example.org " + Ed, "a.example.org", 22, "Trusted")]
    [InlineData("*.example.org,!a.example.org " + Ed, "a.example.org", 22, "Unknown")]
    [InlineData("!a.example.org,*.example.org " + Ed, "b.example.org", 22, "Trusted")]
    [InlineData("h?st " + Ed, "hast", 22, "Trusted")]
    [InlineData("h?st " + Ed, "hst", 22, "Unknown")]
    [InlineData("* " + Ed, "anything", 22, "Trusted")]
    [InlineData("@revoked * " + Ed + "\nhost " + Ed, "host", 22, "Revoked")]
    [InlineData("host " + Ed + "\n@revoked host " + Ed, "host", 22, "Revoked")]
    [InlineData("@cert-authority * " + Ed, "host", 22, "Unknown")]
    [InlineData("@cert-authority host " + OtherEd, "host", 22, "Unknown")]
    [InlineData("host ssh-ed25519 not-base64", "host", 22, "Unknown")]
    [InlineData("host", "host", 22, "Unknown")]
    public void A_key_is_looked_up_as_ssh_does(string lines, string host, int port, string state)
        => Assert.Equal(state, $"{Read(lines).Check(host, port, Key(Ed)).State}");

    [Fact]
    public void A_changed_key_names_the_file_and_line()
    {
        var (state, where) = Read($"other {Ed}\n\nhost {OtherEd}").Check("host", 22, Key(Ed));
        Assert.Equal(HostKeyState.Changed, state);
        Assert.Equal($"{_folder.Combine("known_hosts")}:3", where);
    }

    [Fact]
    public void The_types_of_known_keys_are_found()
    {
        var hosts = Read($"host {Ed}\n[host]:2222 {Ecdsa}\n@cert-authority * {OtherEd}");
        Assert.Equal(["ssh-ed25519"], hosts.FindTypes("host", 22));
        Assert.Equal(["ecdsa-sha2-nistp256"], hosts.FindTypes("host", 2222));
        Assert.Equal(["ssh-ed25519"], hosts.FindTypes("host", 2223));
        Assert.Empty(hosts.FindTypes("other", 22));
    }

    [Fact]
    public void Names_hashed_by_ssh_keygen_are_found()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/ssh-keygen"), "There is no ssh-keygen.");
        var file = _folder.Combine("known_hosts");
        File.WriteAllText(file, $"host {Ed}\n[host]:2222 {Ecdsa}\n");
        using (var process = Process.Start(new ProcessStartInfo("ssh-keygen", ["-q", "-H", "-f", file]) { RedirectStandardError = true, RedirectStandardOutput = true })!) process.WaitForExit();
        Assert.Contains("|1|", File.ReadAllText(file), StringComparison.Ordinal);
        var hosts = new KnownHosts();
        hosts.Read(file);
        Assert.Equal(HostKeyState.Trusted, hosts.Check("host", 22, Key(Ed)).State);
        Assert.Equal(HostKeyState.Trusted, hosts.Check("host", 2222, Key(Ecdsa)).State);
        Assert.Equal(HostKeyState.Unknown, hosts.Check("other", 22, Key(Ed)).State);
    }

    [Fact]
    public void Random_lines_never_make_a_key_trusted_or_fail()
    {
        var random = new Random(1);
        var alphabet = "host*?!,|1@revoked []:2 \t#=AAAA";
        for (var run = 0; run < 2000; run++)
        {
            var line = new string([.. Enumerable.Range(0, random.Next(60)).Select(_ => alphabet[random.Next(alphabet.Length)])]);
            Assert.NotEqual(HostKeyState.Trusted, Read(line).Check("host", 22, Key(Ed)).State);
        }
    }

    private static byte[] Key(string line) => Convert.FromBase64String(line.Split(' ')[1]);

    private KnownHosts Read(string lines)
    {
        var file = _folder.Combine("known_hosts");
        File.WriteAllText(file, lines);
        var hosts = new KnownHosts();
        hosts.Read(file);
        return hosts;
    }
}
