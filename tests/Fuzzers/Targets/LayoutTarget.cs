using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Stores whose layout is recognised, whatever is in them.</summary>
/// <remarks>An input is the paths of files, one a line; or a first line such as <c>=2</c>, and the keys of a namespace with that many levels.</remarks>
internal sealed class LayoutTarget : IFuzzTarget
{
    private const int MaxItems = 60;

    public IReadOnlyList<string> Tokens => ["\n", "/", "=1\n", "=2\n", "=0\n", "data/", "00/", "00/11/0011", "archives/", "packs/aa/aabb", "photos/raw/", ".del", ".tmp", "lost+found/", "a/b/c/d/", "config/readme", ".txt"];

    public void Run(byte[] input)
    {
        var lines = Check.Texts(input).Last().Split('\n');
        if (lines[0] is ['=', >= '0' and <= '4' and var level]) CheckRecognised(lines[1..], level - '0');
        else CheckAnything(lines);
    }

    private static void CheckRecognised(string[] keys, int level)
    {
        keys = [.. keys.Where(key => key.Length > 2 * level && !key.Contains('/') && !Suffixes.IsDeleted(key) && ItemName.IsReadable(key)).Distinct().Take(MaxItems)];
        if (keys.Length == 0) return;
        var backend = Open(keys.Select(key => Nesting.Nest($"data/{key}", level)));
        var layout = LayoutDetector.DetectAsync(backend, default).GetAwaiter().GetResult();
        Check.Equal($"data = {level}", layout.ToString(), "the layout");
    }

    private static void CheckAnything(string[] paths)
    {
        var backend = Open(paths.Where(path => path.Split('/').All(element => ItemName.IsListable(element) && element != ".")).Take(MaxItems));
        var layout = LayoutDetector.DetectAsync(backend, default).GetAwaiter().GetResult();
        foreach (var item in MemoryStores.List(backend, ""))
        {
            var ns = layout.Find(item.Name);
            var (found, key) = layout.Split(item.Name);
            Check.That(ns is null || (found.Length == 0 ? key : $"{found}/{key}") == item.Name, () => $"'{item.Name}' is split into '{found}' and '{key}'.");
        }
        Check.That(layout.Namespaces.All(ns => ns.Name.Length == 0 || ItemName.IsReadable(ns.Name)), () => $"No item can be in {layout}.");
        Check.Equal(layout.ToString(), LayoutDetector.DetectAsync(backend, layout, default).GetAwaiter().GetResult().ToString(), "the layout that is recalled");
        Check.Completes(async () => await MisplacedContent.FindSuspiciousContentAsync(backend, layout, default));
        Check.Completes(async () => await MisplacedContent.FindAsync(backend, null, default));
    }

    private static IBackend Open(IEnumerable<string> names) => MemoryStores.Open("memory:layouts", names.Select(name => (name, Array.Empty<byte>())));
}
