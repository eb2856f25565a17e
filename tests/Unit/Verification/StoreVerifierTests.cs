using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Tests.Server;
using BorgStore.Tests.Stores;
using BorgStore.Verification;

namespace BorgStore.Tests.Verification;

/// <summary>The verification of whole stores, among them repositories that Borg 2 wrote.</summary>
public sealed class StoreVerifierTests : StoreFixture
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("borg-b21", 30, 30, true)]
    [InlineData("borg-b22", 17, 6, true)]
    [InlineData("borg-b25", 17, 6, false)]
    [InlineData("nested", 58, 3, false)]
    [InlineData("level-change", 60, 0, false)]
    [InlineData("no-namespace", 4, 4, false)]
    public async Task A_clean_store_has_no_problems_and_says_how_much_was_checked(string golden, int items, int notCheckable, bool findsMissing)
    {
        var folder = Unpack(golden);
        var (findings, summary) = await VerifyAsync(folder);
        Assert.Empty(findings);
        Assert.True(summary.IsComplete);
        Assert.Equal((items, notCheckable, findsMissing), (summary.Run.Items, summary.Run.NotCheckable, summary.FindsMissing));
        Assert.Equal(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length), summary.Run.Bytes);
        Assert.Equal(summary.Run, summary.Pass);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_kind_of_problem_in_a_repository_is_reported_as_what_it_is(bool listsTrees)
    {
        var folder = Unpack("borg-b25");
        string Find(string start) => Directory.EnumerateFiles(folder, start + "*", SearchOption.AllDirectories).Single();
        var flipped = Find("34abc37a");
        Flip(flipped, 20_000);
        var cut = Find("11bac435");
        Cut(cut, 6000);
        var cutHeader = Find("351ec59a");
        Cut(cutHeader, 360);
        var badHeader = Find("aef57030");
        Flip(badHeader, 3);
        var empty = Find("1a572f96");
        Cut(empty, 0);
        var fragment = Find("39dd538b");
        Flip(fragment, 600);
        var misplaced = Find("7b923586");
        Directory.CreateDirectory(Path.Combine(folder, "packs", "00"));
        File.Move(misplaced, Path.Combine(folder, "packs", "00", Path.GetFileName(misplaced)));
        var wrongLevel = Find("b95c0752");
        File.Move(wrongLevel, Path.Combine(folder, "packs", Path.GetFileName(wrongLevel)));
        var aDirectory = Path.Combine(folder, "packs", "ff", new string('f', 64));
        Directory.CreateDirectory(aDirectory);
        await File.WriteAllTextAsync(Path.Combine(folder, "packs", "ff", "desktop.ini"), "x", Ct);
        await File.WriteAllTextAsync(Path.Combine(folder, "index", "My Index.BAK"), "xy", Ct);
        await File.WriteAllTextAsync(Path.Combine(folder, "README.md"), "xyz", Ct);
        Directory.CreateDirectory(Path.Combine(folder, "photos"));
        var leftOver = Path.Combine(folder, "packs", "ff", "upload.tmp");
        await File.WriteAllTextAsync(leftOver, "1234", Ct);
        File.SetLastWriteTimeUtc(leftOver, DateTime.UtcNow.AddDays(-2));
        await File.WriteAllTextAsync(Path.Combine(folder, "packs", "ff", "just-now.tmp"), "1234", Ct);

        var (findings, summary) = await VerifyAsync(folder, listsTrees: listsTrees);
        Assert.Equal(
            new[]
            {
                (Name(flipped), VerificationProblem.Damaged), (Name(cut), VerificationProblem.Truncated), (Name(cutHeader), VerificationProblem.Truncated),
                (Name(badHeader), VerificationProblem.Damaged), (Name(empty), VerificationProblem.Truncated), (Name(fragment), VerificationProblem.Damaged),
                ($"packs/00/{Path.GetFileName(misplaced)}", VerificationProblem.Misplaced), (Name(wrongLevel), VerificationProblem.WrongLevel),
                (Name(aDirectory), VerificationProblem.Unreadable), ("packs/ff/desktop.ini", VerificationProblem.Foreign),
                ("index/My Index.BAK", VerificationProblem.Foreign), ("README.md", VerificationProblem.Foreign), ("photos", VerificationProblem.Foreign),
                ("packs/ff/upload.tmp", VerificationProblem.LeftOver),
            }.Order(),
            findings.Select(finding => (finding.Name, finding.Problem)).Order());
        Assert.Equal((3, 3, 1, 1, 4, 1, 1, 0), (summary.Run.Damaged, summary.Run.Truncated, summary.Run.Misplaced, summary.Run.WrongLevel, summary.Run.Foreign,
            summary.Run.Unreadable, summary.Run.LeftOver, summary.Run.Missing));
        Assert.Equal(17, summary.Run.Items);

        var ofFlipped = Assert.Single(findings, finding => finding.Name == Name(flipped));
        Assert.Equal((Path.GetFileName(flipped), HashKind.Blake3.ComputeHex(await File.ReadAllBytesAsync(flipped, Ct)), 32044L), (ofFlipped.Expected, ofFlipped.Actual, ofFlipped.Size!.Value));
        Assert.Contains("headers of all objects in the pack are whole", ofFlipped.Reason, StringComparison.Ordinal);
        Assert.Contains("ends after 6,000 bytes", findings.Single(finding => finding.Name == Name(cut)).Reason, StringComparison.Ordinal);
        Assert.Contains("inside a header: object 2 of the pack begins at byte 342", findings.Single(finding => finding.Name == Name(cutHeader)).Reason, StringComparison.Ordinal);
        Assert.Contains("no valid header where object 1", findings.Single(finding => finding.Name == Name(badHeader)).Reason, StringComparison.Ordinal);
        Assert.Equal($"packs/7b/{Path.GetFileName(misplaced)}", findings.Single(finding => finding.Problem == VerificationProblem.Misplaced).Expected);
        Assert.Equal($"packs/b9/{Path.GetFileName(wrongLevel)}", findings.Single(finding => finding.Problem == VerificationProblem.WrongLevel).Expected);
    }

    [Fact]
    public async Task Missing_packs_are_found_if_the_index_is_not_encrypted()
    {
        var folder = Unpack("borg-b22");
        var gone = Directory.EnumerateFiles(folder, "2188a1b9*", SearchOption.AllDirectories).Single();
        File.Delete(gone);
        var deleted = Directory.EnumerateFiles(folder, "309a115a*", SearchOption.AllDirectories).Single();
        File.Move(deleted, deleted + ".del");
        var (findings, _) = await VerifyAsync(folder);
        Assert.Equal([(Name(gone), VerificationProblem.Missing), (Name(deleted), VerificationProblem.Missing)], findings.Select(finding => (finding.Name, finding.Problem)));
        Assert.Contains("Restore-BorgStoreItem", findings[1].Reason, StringComparison.Ordinal);

        // Borg's mark of an index that may refer to packs it has deleted.
        await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "cache")).FullName, "chunkindex-invalid"), "", Ct);
        Assert.Empty((await VerifyAsync(folder)).Findings);
    }

    [Fact]
    public async Task Objects_of_repositories_before_packs_are_checked_by_their_headers_and_archives()
    {
        var folder = Unpack("borg-b21");
        var cut = Directory.EnumerateFiles(folder, "18d97aaa*", SearchOption.AllDirectories).Single();
        Cut(cut, 60000);
        var gone = Directory.EnumerateFiles(Path.Combine(folder, "data"), "8b031920*", SearchOption.AllDirectories).Single();
        File.Delete(gone);
        var (findings, _) = await VerifyAsync(folder);
        Assert.Equal([(Name(gone), VerificationProblem.Missing), (Name(cut), VerificationProblem.Truncated)], findings.Select(finding => (finding.Name, finding.Problem)));
    }

    [Fact]
    public async Task In_other_stores_the_algorithm_of_each_namespace_is_recognised()
    {
        var names = new List<string>();
        await using (var store = await CreateAsync(("blobs", 2), ("notes", 0)))
        {
            foreach (var number in Enumerable.Range(0, 20))
            {
                names.Add($"blobs/{HashKind.Sha1.ComputeHex(Bytes($"value {number}"))}");
                await store.StoreAsync(names[^1], Bytes($"value {number}"), cancellationToken: Ct);
                await store.StoreAsync($"notes/{number}", Bytes("any"), cancellationToken: Ct);
            }
            await store.SoftDeleteAsync(names[3], Ct);
        }
        Flip(FileOf(names[3] + ".del", 2), 1);
        Flip(FileOf(names[7], 2), 2);
        await File.WriteAllTextAsync(Folder.Combine("store", "blobs", "thumbs.db"), "x", Ct);
        var (findings, summary) = await VerifyAsync(Folder.Combine("store"));
        Assert.Equal(new[] { (names[3], true, VerificationProblem.Damaged), (names[7], false, VerificationProblem.Damaged), ("blobs/thumbs.db", false, VerificationProblem.Foreign) }.Order(),
            findings.Select(finding => (finding.Name, finding.IsDeleted, finding.Problem)).Order());
        Assert.Equal((40, 20), (summary.Run.Items, summary.Run.NotCheckable));
    }

    [Fact]
    public async Task A_value_that_the_storage_cannot_read_is_reported_and_the_others_are_checked()
    {
        var folder = Unpack("borg-b25");
        var backend = new FailingBackend(new FileBackend(folder), name => name.StartsWith("packs/34/", StringComparison.Ordinal) ? new(StoreError.BackendFailure, "Input/output error") : null);
        await using var store = await Store.OpenAsync(backend, new("file:///repository"), Ct);
        var verifier = new StoreVerifier(store);
        var finding = Assert.Single(await verifier.FindProblemsAsync(Ct).ToListAsync(Ct));
        Assert.Equal(VerificationProblem.Unreadable, finding.Problem);
        Assert.StartsWith("packs/34abc37a", finding.Name, StringComparison.Ordinal);
        Assert.Contains("Input/output error", finding.Reason, StringComparison.Ordinal);
        Assert.Equal(17, verifier.Summary.Run.Items);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_interrupted_verification_continues_where_it_ended_and_checks_each_item_once(bool listsTrees)
    {
        var folder = Unpack("borg-b25");
        Flip(Directory.EnumerateFiles(folder, "34abc37a*", SearchOption.AllDirectories).Single(), 9);
        Flip(Directory.EnumerateFiles(folder, "1a572f96*", SearchOption.AllDirectories).Single(), 9);
        var options = new VerificationOptions { StateFile = Folder.Combine("state.json"), Parallelism = 1 };
        var findings = new List<string>();
        long items = 0;
        var runs = 0;
        bool isComplete;
        do
        {
            Assert.True(++runs < 20);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            var hashed = 0;
            var backend = new FailingBackend(Wrap(new FileBackend(folder), listsTrees), _ =>
            {
                // As if it were interrupted, or lost the connection, at every fourth value.
                if (++hashed < 4) return null;
                if (runs % 2 == 0) return new(StoreError.ConnectionLost);
                stop.Cancel();
                return null;
            });
            await using var store = await Store.OpenAsync(backend, new("file:///repository"), Ct);
            var verifier = new StoreVerifier(store, options);
            try
            {
                await foreach (var finding in verifier.FindProblemsAsync(stop.Token)) findings.Add(finding.Name);
            }
            catch (Exception e) when (e is OperationCanceledException or StoreException { Error: StoreError.ConnectionLost })
            {
            }
            items += verifier.Summary.Run.Items;
            isComplete = verifier.Summary.IsComplete;
            if (isComplete) Assert.Equal((17L, 2L), (verifier.Summary.Pass.Items, verifier.Summary.Pass.Problems));
        }
        while (!isComplete);
        Assert.True(runs > 3);
        Assert.Equal(17, items);
        Assert.Equal(2, findings.Count);
        Assert.Equal(2, findings.Distinct().Count());

        // After a whole pass, the next run begins anew.
        Assert.Equal(17, (await VerifyAsync(folder, options with { StateFile = Folder.Combine("other.json") })).Summary.Run.Items);
        Assert.Equal(17, (await VerifyAsync(folder, options with { StateFile = Folder.Combine("other.json") })).Summary.Run.Items);
        Assert.Equal(["other.json", "state.json"], Directory.EnumerateFiles(Folder.Path).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("percent", false)]
    [InlineData("percent", true)]
    [InlineData("time", false)]
    [InlineData("time", true)]
    public async Task Parts_of_a_store_are_checked_one_after_another(string by, bool listsTrees)
    {
        var folder = Unpack("borg-b25");
        var options = new VerificationOptions { StateFile = Folder.Combine("state.json"), Percent = by == "percent" ? 25 : null, MaxDuration = by == "time" ? TimeSpan.FromTicks(1) : null };
        var runs = new List<VerificationSummary>();
        do runs.Add((await VerifyAsync(folder, options, listsTrees)).Summary);
        while (!runs[^1].IsComplete);
        Assert.Equal(17, runs.Sum(run => run.Run.Items));
        Assert.Equal(17, runs[^1].Pass.Items);
        Assert.InRange(runs.Count, 3, by == "percent" ? 5 : 19);
    }

    [Fact]
    public async Task Without_a_state_file_a_percentage_is_a_random_part()
    {
        var folder = Unpack("borg-b21");
        var counts = new HashSet<long>();
        for (var i = 0; i < 20; i++)
        {
            var summary = (await VerifyAsync(folder, new() { Percent = 50 })).Summary;
            Assert.False(summary.IsComplete);
            counts.Add(summary.Run.Bytes);
        }
        Assert.True(counts.Count > 5);
        Assert.True(counts.Max() < 26 * 90_000);
    }

    [Fact]
    public async Task A_storage_that_lists_whole_trees_leads_to_the_same_findings()
    {
        var folder = await CreateStrayStoreAsync();
        var (expected, byDirectory) = await VerifyAsync(folder, layout: StrayLayout);
        var (findings, byTree) = await VerifyAsync(folder, listsTrees: true, layout: StrayLayout);
        Assert.Equal(Sort(expected), Sort(findings));
        Assert.Equal(byDirectory.Run, byTree.Run);
        Assert.Equal(
            new[]
            {
                ("blobs/My Folder", VerificationProblem.Foreign), ("blobs/aa/bb/cc/0badc0de", VerificationProblem.Foreign), ("blobs/ab-1/x", VerificationProblem.Foreign),
                ("blobs/ab.old/x", VerificationProblem.Foreign), ("blobs/readme", VerificationProblem.Foreign), ("notes/To Do.txt", VerificationProblem.Foreign),
                ("blobs/00112233", VerificationProblem.Unreadable), ("blobs/00112234", VerificationProblem.Unreadable), ("blobs/00/11/00112234/part", VerificationProblem.Foreign),
                ($"blobs/{KeyOf("level")}", VerificationProblem.WrongLevel), ($"blobs/ab/cd/{KeyOf("moved")}", VerificationProblem.Misplaced),
            }.Order(),
            findings.Select(finding => (finding.Name, finding.Problem)).Order());
    }

    // Runs of one item each.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(20)]
    public async Task A_verification_that_began_with_directories_ends_with_them_and_checks_each_item_once(int runsByDirectory)
    {
        var folder = await CreateStrayStoreAsync();
        var (expected, whole) = await VerifyAsync(folder, layout: StrayLayout);
        var options = new VerificationOptions { StateFile = Folder.Combine("state.json"), MaxDuration = TimeSpan.FromTicks(1) };
        var findings = new List<VerificationFinding>();
        VerificationSummary summary;
        var runs = 0;
        do
        {
            (var found, summary) = await VerifyAsync(folder, options, listsTrees: runs++ >= runsByDirectory, StrayLayout);
            findings.AddRange(found);
        }
        while (!summary.IsComplete);
        Assert.True(runs > 20);
        Assert.Equal(Sort(expected), Sort(findings));
        Assert.Equal(whole.Run, summary.Pass);
    }

    [Fact]
    public async Task A_verification_begins_a_namespace_anew_if_its_tree_is_no_longer_listed()
    {
        var folder = await CreateStrayStoreAsync();
        var options = new VerificationOptions { StateFile = Folder.Combine("state.json"), MaxDuration = TimeSpan.FromTicks(1) };
        for (var i = 0; i < 8; i++) await VerifyAsync(folder, options, listsTrees: true, StrayLayout);
        var (_, whole) = await VerifyAsync(folder, layout: StrayLayout);
        var summary = (await VerifyAsync(folder, options with { MaxDuration = null }, layout: StrayLayout)).Summary;
        Assert.True(summary.IsComplete);
        Assert.Equal(whole.Run.Items, summary.Run.Items);
        Assert.True(summary.Pass.Items > whole.Run.Items);
    }

    [Fact]
    public async Task The_tree_of_a_namespace_with_another_one_inside_is_walked_by_directories()
    {
        var folder = await CreateStrayStoreAsync();
        var layout = new StoreLayout(("blobs", 2), ("notes", 0), ("notes/a", 0));
        var backend = new TreeListingBackend(new FileBackend(folder));
        await using var store = await Store.OpenAsync(backend, new("file:///repository") { Layout = layout }, Ct);
        var verifier = new StoreVerifier(store);
        var findings = await verifier.FindProblemsAsync(Ct).ToListAsync(Ct);
        Assert.Equal(Sort((await VerifyAsync(folder, layout: layout)).Findings), Sort(findings));
        Assert.Equal(["blobs", "notes/a"], backend.Listed);
    }

    [Fact]
    public async Task A_tree_that_may_not_be_listed_completely_is_walked_by_directories()
    {
        var folder = await CreateStrayStoreAsync();
        var inner = new TreeListingBackend(new FileBackend(folder));
        var backend = new PermissionBackend(inner, new([new("", "lr"), new("blobs/aa", "")]));
        await using var store = await Store.OpenAsync(backend, new("file:///repository") { Layout = StrayLayout }, Ct);
        var findings = await new StoreVerifier(store).FindProblemsAsync(Ct).ToListAsync(Ct);
        Assert.Equal(VerificationProblem.Unreadable, Assert.Single(findings, finding => finding.Name == "blobs/aa").Problem);
        Assert.DoesNotContain(findings, finding => finding.Name.StartsWith("blobs/aa/", StringComparison.Ordinal));
        Assert.Equal(["notes"], inner.Listed);
    }

    private static StoreLayout StrayLayout => new(("blobs", 2), ("notes", 0));

    private static IEnumerable<VerificationFinding> Sort(IEnumerable<VerificationFinding> findings)
        => findings.OrderBy(finding => finding.Name, StringComparer.Ordinal).ThenBy(finding => finding.Problem).ThenBy(finding => finding.Size);

    private static string KeyOf(string value) => HashKind.Sha256.ComputeHex(Bytes(value));

    // Everything that a walk distinguishes, with names whose order depends on how slashes are sorted.
    private async Task<string> CreateStrayStoreAsync()
    {
        var folder = Folder.Combine("store");
        await using (var store = await CreateAsync(("blobs", 2), ("notes", 0)))
        {
            foreach (var number in Enumerable.Range(0, 12))
                await store.StoreAsync($"blobs/{KeyOf($"value {number}")}", Bytes($"value {number}"), cancellationToken: Ct);
            foreach (var note in new[] { "a-b/x", "a/x", "a/x-1", "a/y/z", "a0", "b", "b.1" }) await store.StoreAsync($"notes/{note}", Bytes(note), cancellationToken: Ct);
            await store.SoftDeleteAsync("notes/b", Ct);
        }
        foreach (var file in new[]
        {
            "blobs/My Folder/a/b", "blobs/My Folder/c", "blobs/aa/bb/cc/0badc0de", "blobs/ab-1/x", "blobs/ab.old/x", "blobs/00/11/00112234/part", "notes/To Do.txt",
            "blobs/readme", "blobs/aa/quota.hid", "blobs/aa/now.tmp", "blobs/aa/folder.tmp/x", $"notes/{new string('d', 99)}/x/y",
        })
        {
            var path = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, file, Ct);
        }
        foreach (var (value, directory) in new[] { ("level", KeyOf("level")[..2]), ("moved", "ab/cd") })
        {
            var place = Directory.CreateDirectory(Path.Combine(folder, "blobs", directory));
            await File.WriteAllTextAsync(Path.Combine(place.FullName, KeyOf(value)), value, Ct);
        }
        Directory.CreateDirectory(Path.Combine(folder, "blobs", "00", "11", "00112233"));
        Directory.CreateDirectory(Path.Combine(folder, "blobs", "ee", "ee"));
        return folder;
    }

    [Fact]
    public async Task A_state_file_of_another_verification_is_refused_and_kept()
    {
        var folder = Unpack("borg-b22");
        var file = Folder.Combine("state.json");
        await VerifyAsync(folder, new() { StateFile = file, MaxDuration = TimeSpan.FromTicks(1) });
        var content = await File.ReadAllTextAsync(file, Ct);
        Assert.Contains("another store", (await FailsAsync(StoreError.InvalidArgument, () => VerifyAsync(Unpack("borg-b25"), new() { StateFile = file }))).Message, StringComparison.Ordinal);
        Assert.Contains("the whole store", (await FailsAsync(StoreError.InvalidArgument, () => VerifyAsync(folder, new() { StateFile = file, Namespaces = ["packs"] }))).Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(file, Ct));

        await File.WriteAllTextAsync(file, "{}", Ct);
        Assert.Contains("is not the state", (await FailsAsync(StoreError.InvalidArgument, () => VerifyAsync(folder, new() { StateFile = file }))).Message, StringComparison.Ordinal);
        Assert.Equal("{}", await File.ReadAllTextAsync(file, Ct));
        Assert.Contains("existing folder", (await FailsAsync(StoreError.InvalidArgument, () => VerifyAsync(folder, new() { StateFile = Folder.Combine("none", "state") }))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_REST_the_server_hashes_and_no_value_is_transferred()
    {
        var folder = Unpack("borg-b22");
        Cut(Directory.EnumerateFiles(folder, "2188a1b9*", SearchOption.AllDirectories).Single(), 100_000);
        await using var server = await InProcessServer.StartAsync(folder);
        await using var store = await Store.OpenAsync(new(server.Url), Ct);
        var verifier = new StoreVerifier(store, new() { StateFile = Folder.Combine("state.json") });
        var finding = Assert.Single(await verifier.FindProblemsAsync(Ct).ToListAsync(Ct));
        Assert.Equal(VerificationProblem.Truncated, finding.Problem);
        Assert.Equal((17, 6), (verifier.Summary.Run.Items, verifier.Summary.Run.NotCheckable));
        // The index is read to know which packs there should be, and the damaged pack to see in which way it is.
        var loaded = store.GetStatistics().Backend.Single(statistic => statistic.Operation.ToString() == "Load");
        Assert.InRange(loaded.Volume, 1, 2764 + 3 * 65536 + 1000);
        Assert.True(verifier.Summary.Run.Bytes > 700_000);
        Assert.DoesNotContain("password", await File.ReadAllTextAsync(Folder.Combine("state.json"), Ct), StringComparison.Ordinal);
    }

    private static async Task<(List<VerificationFinding> Findings, VerificationSummary Summary)> VerifyAsync(
        string folder, VerificationOptions? options = null, bool listsTrees = false, StoreLayout? layout = null)
    {
        await using var store = await Store.OpenAsync(Wrap(new FileBackend(folder), listsTrees), new(new Uri(folder).AbsoluteUri) { Layout = layout }, Ct);
        var verifier = new StoreVerifier(store, options);
        var findings = await verifier.FindProblemsAsync(Ct).ToListAsync(Ct);
        return (findings, verifier.Summary);
    }

    private string FileOf(string name, int level) => Folder.Combine("store", Nesting.Nest(name, level).Replace(".del/", "/", StringComparison.Ordinal));

    // The full name of an item of Borg.
    private static string Name(string file)
    {
        var parts = file.Split(Path.DirectorySeparatorChar);
        var ns = parts.Last(part => part is "packs" or "index" or "data");
        return $"{ns}/{parts[^1]}";
    }

    private static void Flip(string file, int position)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[position] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    private static void Cut(string file, long length)
    {
        using var stream = new FileStream(file, FileMode.Open);
        stream.SetLength(length);
    }

    private static IBackend Wrap(FileBackend backend, bool listsTrees) => listsTrees ? new TreeListingBackend(backend) : backend;

    /// <summary>A backend that lists whole trees in the order of object storages.</summary>
    private sealed class TreeListingBackend(IBackend inner) : DelegatingBackend(inner)
    {
        /// <summary>The directories whose trees were listed.</summary>
        public List<string> Listed { get; } = [];

        public override async IAsyncEnumerable<ItemInfo> ListRawTreeAsync(
            string directory, string after, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            Listed.Add(directory);
            var found = new List<ItemInfo>();
            await AddAsync("");
            foreach (var item in found.OrderBy(item => item.Name, StringComparer.Ordinal))
                if (string.CompareOrdinal(item.Name, after) > 0) yield return item;

            async Task AddAsync(string below)
            {
                await foreach (var item in Inner.ListAsync($"{directory}/{below}".Trim('/'), ListScope.RawLevel, cancellationToken))
                {
                    var path = below + item.Name + (item.IsDirectory ? "/" : "");
                    found.Add(item with { Name = path });
                    if (item.IsDirectory) await AddAsync(path);
                }
            }
        }
    }

    /// <summary>A backend whose hashing fails for some items.</summary>
    private sealed class FailingBackend(IBackend inner, Func<string, StoreException?> fail) : DelegatingBackend(inner)
    {
        public override async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
            => fail(name) is { } failure ? throw failure : await base.HashAsync(name, algorithm, cancellationToken);

        public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
            => Inner.ListRawTreeAsync(directory, after, cancellationToken);
    }
}
