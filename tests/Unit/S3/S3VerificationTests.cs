using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Tests.S3.Servers;
using BorgStore.Verification;

namespace BorgStore.Tests.S3;

/// <summary>The verification of whole stores, which lists a thousand keys with each request.</summary>
public sealed class S3VerificationTests(CephServer ceph) : S3Test(ceph)
{
    private static readonly StoreLayout Layout = new(("blobs", 2), ("notes", 0));

    private readonly TemporaryFolder _folder = new();

    public override async ValueTask DisposeAsync()
    {
        _folder.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Listing_takes_one_request_for_a_thousand_values_in_as_many_directories()
    {
        var count = LongTests.Choose(quick: 1_200, @long: 5_000);
        await PutValuesAsync(count);
        var requests = await Server.LogAsync(Path, async () =>
        {
            var (findings, summary) = await VerifyAsync(byDirectory: false);
            Assert.Empty(findings);
            Assert.Equal(count, summary.Run.Items);
        });
        var listings = requests.Count(request => request.Contains("list-type=2", StringComparison.Ordinal));
        // The store is opened, its root is listed, and some values are listed to recognise the algorithm.
        Assert.InRange(listings, count / 1000 + 1, count / 1000 + 10);
        Assert.InRange(requests.Count - listings, count, count + 10);
    }

    [Fact]
    public async Task It_finds_the_same_as_directories_listed_one_by_one()
    {
        await PutStrayKeysAsync();
        var (expected, byDirectory) = await VerifyAsync(byDirectory: true);
        var (findings, byTree) = await VerifyAsync(byDirectory: false);
        Assert.Equal(Sort(expected), Sort(findings));
        Assert.Equal(byDirectory.Run, byTree.Run);
        Assert.True(byTree.Run is { Foreign: > 10, Misplaced: 1, WrongLevel: 1, Unreadable: 3, Damaged: 2 }, byTree.Run.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public async Task It_continues_where_it_ended_also_if_it_began_with_directories(int runsByDirectory)
    {
        await PutStrayKeysAsync();
        var (expected, whole) = await VerifyAsync(byDirectory: true);
        // Runs of one item each.
        var options = new VerificationOptions { StateFile = _folder.Combine("state.json"), MaxDuration = TimeSpan.FromTicks(1) };
        var findings = new List<VerificationFinding>();
        VerificationSummary summary;
        var runs = 0;
        do
        {
            (var found, summary) = await VerifyAsync(byDirectory: runs++ < runsByDirectory, options);
            findings.AddRange(found);
        }
        while (!summary.IsComplete);
        Assert.True(runs > 20);
        Assert.Equal(Sort(expected), Sort(findings));
        Assert.Equal(whole.Run, summary.Pass);
    }

    private async Task<List<string>> PutValuesAsync(int count)
    {
        var names = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct }, async (number, token) =>
        {
            var value = BitConverter.GetBytes(number);
            var name = Nesting.Nest($"blobs/{HashKind.Sha256.ComputeHex(value)}", 2);
            await Store.StoreAsync(name, value, StoreMode.Overwrite, token);
            names.Add(name);
        });
        return [.. names];
    }

    // What can be in a bucket, but not in a folder, and names whose order depends on how slashes are sorted.
    private async Task PutStrayKeysAsync()
    {
        var values = await PutValuesAsync(10);
        string[] keys =
        [
            // An object that is a directory too, and directories in the place of objects, one of them empty.
            $"{values[0]}/part", "blobs/00/11/00112233/", "blobs/00/11/00112234/part",
            $"blobs/aa/bb/{new string('0', 64)}", $"blobs/{new string('1', 64)}", "blobs/aa/bb/cc/0badc0de", "blobs/ab-1/x", "blobs/ab.old/x", "blobs/ab/", "blobs/readme", "blobs//x", "blobs/aa//", "blobs/aa//x",
            "blobs/My Folder/a/b", "blobs/My Folder/c", "blobs/aa/quota.hid", "blobs/aa/now.tmp", "blobs/aa/folder.tmp/x", "blobs/ü/x", "blobs/ü", "blobs/\uFFFE\u0001",
            "notes/a-b/x", "notes/a", "notes/a/x", "notes/a/x-1", "notes/a/y/z", "notes/a0", "notes/b", "notes/b.1", "notes/b.del", "notes/To Do.txt", $"notes/{new string('d', 99)}/x/y",
            "other/x",
        ];
        foreach (var key in keys) await Server.PutAsync($"{Path}/{key}", key.EndsWith('/') ? [] : Bytes(10));
    }

    private async Task<(List<VerificationFinding> Findings, VerificationSummary Summary)> VerifyAsync(bool byDirectory, VerificationOptions? options = null)
    {
        var backend = S3Backend.Create(Url(), new());
        await using var store = await BorgStore.Store.OpenAsync(byDirectory ? new WithoutTrees(backend) : backend, new(Url()) { Layout = Layout }, Ct);
        var verifier = new StoreVerifier(store, options);
        var findings = await verifier.FindProblemsAsync(Ct).ToListAsync(Ct);
        return (findings, verifier.Summary);
    }

    private static IEnumerable<VerificationFinding> Sort(IEnumerable<VerificationFinding> findings)
        => findings.OrderBy(finding => finding.Name, StringComparer.Ordinal).ThenBy(finding => finding.Problem).ThenBy(finding => finding.Size);

    /// <summary>A backend whose trees are listed by directories.</summary>
    private sealed class WithoutTrees(IBackend inner) : DelegatingBackend(inner);
}
