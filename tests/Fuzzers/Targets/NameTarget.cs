using System.Buffers;
using System.Text;
using BorgStore.Naming;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Names of items, their nesting, and their files in an export.</summary>
internal sealed class NameTarget : IFuzzTarget
{
    private const int MaxLevels = 5;

    private static readonly SearchValues<char> NotOnWindows = SearchValues.Create(":*?\"<>|\\");

    public IReadOnlyList<string> Tokens => ["/", "..", ".", "//", "./", "../", ".del", ".tmp", ".hid", "lost+found", "con", "com1", "nul.txt", "conin$", "%2e", "\\", ":", "é", "\0", "data/", "00/11/0011"];

    public void Run(byte[] input)
    {
        foreach (var name in Check.Texts(input))
        {
            CheckRules(name);
            foreach (var deleted in new[] { false, true })
                for (var levels = 0; levels < MaxLevels; levels++) CheckNesting(name, levels, deleted);
            CheckUnnesting(name);
            if (ItemName.IsTemporary(name)) CheckInside(name, "the id of a temporary item");
            var shown = PrintableText.Escape(name);
            Check.That(!shown.Any(char.IsControl), () => "A text for the terminal has control characters.");
            Check.Equal(shown, PrintableText.Escape(shown), "a text escaped twice");
        }
    }

    private static void CheckRules(string name)
    {
        foreach (var windows in new[] { false, true })
        {
            var isWritable = ItemName.DescribeProblem(name, writing: true, windows) is null;
            var isReadable = ItemName.DescribeProblem(name, writing: false, windows) is null;
            Check.That(!isWritable || isReadable, () => "A name can be written but not read.");
            if (!isReadable) continue;
            Check.That(name.Length is > 0 and <= ItemName.MaxLength && name.All(c => c is > ' ' and < '\x7f' and not '\\' and not (>= 'A' and <= 'Z')), () => "A name has a character that none has.");
            Check.That(!name.Contains("..", StringComparison.Ordinal) && name[0] != '/' && name[^1] != '/', () => "A name leads elsewhere.");
            CheckInside(name, "a name");
            if (!isWritable) continue;
            Check.That(name.Split('/').All(element => element.Length > 0 && element[^1] != '.') && !name.AsSpan().ContainsAny(NotOnWindows), () => "A name cannot be written on Windows.");
            Check.That(ItemName.IsReadable(name.EndsWith(Suffixes.Deleted, StringComparison.Ordinal) ? name : name + Suffixes.Deleted) || name.EndsWith('/' + Suffixes.Deleted, StringComparison.Ordinal) || name == Suffixes.Deleted,
                () => "An item cannot be soft-deleted.");
        }
        if (ItemName.IsReadable(name) && name.Split('/').All(element => element.Length > 0)) CheckExport(name);
        Check.Equal(ItemName.IsReadable(name), !Check.IsRefused(() => ItemName.CheckReadable(name, name)), "whether a name is readable");
    }

    private static void CheckNesting(string name, int levels, bool deleted)
    {
        var nested = Nesting.Nest(name, levels, deleted);
        if (name.Contains('/'))
        {
            // The namespace before the key stays.
            var key = name[(name.LastIndexOf('/') + 1)..];
            Check.Equal($"{name[..^key.Length]}{Nesting.Nest(key, levels, deleted)}", nested, "a nested name");
            return;
        }
        if (!deleted && name.EndsWith(Suffixes.Deleted, StringComparison.Ordinal)) return;
        var (found, foundLevels, isDeleted) = Nesting.Unnest(nested);
        // A key too short for all levels has fewer.
        Check.Equal((name, Nesting.Fits(name, levels) ? levels : (name.Length + 1) / 2, deleted), (found, foundLevels, isDeleted), $"'{nested}' without its nesting");
    }

    private static void CheckUnnesting(string path)
    {
        var (key, levels, isDeleted) = Nesting.Unnest(path);
        Check.Equal(path, levels == 0 ? key + (isDeleted ? Suffixes.Deleted : "") : Nesting.Nest(key, levels, isDeleted), "a path nested again");
        for (var wanted = 0; wanted < MaxLevels; wanted++)
        {
            if (path.Contains('/')) continue;
            // The directory that a prefix leads to contains every key that begins with it.
            var directory = Nesting.FindDirectory(path, wanted, out var rest);
            var nested = Nesting.Nest(path + "0000000000", wanted);
            Check.That(nested.StartsWith(directory.Length == 0 ? rest ?? path : $"{directory}/{rest ?? path}", StringComparison.Ordinal), () => $"The keys of a prefix are not in the directory '{directory}'.");
        }
    }

    private static void CheckExport(string name)
    {
        // Paths of Windows are tested in Naming.
        if (OperatingSystem.IsWindows()) return;
        const string Root = "/export";
        foreach (var deleted in new[] { false, true })
        {
            var path = ItemPath.Combine(Root, name, deleted);
            Check.That(Path.GetFullPath(path) == path && path.StartsWith(Root + "/", StringComparison.Ordinal), () => $"An item is exported to '{path}'.");
            Check.That(path.Split('/').All(element => !element.EndsWith('.') && !element.AsSpan().ContainsAny(NotOnWindows)), () => $"Windows has no file '{path}'.");
            Check.Equal(deleted ? name + Suffixes.Deleted : name, ItemPath.Unescape(path[(Root.Length + 1)..]), "the name of an exported file");
        }
    }

    private static void CheckInside(string name, string what)
    {
        if (OperatingSystem.IsWindows()) return;
        const string Root = "/store";
        var path = Path.GetFullPath($"{Root}/{name}");
        Check.That(path == Root || path.StartsWith(Root + "/", StringComparison.Ordinal), () => $"With {what}, '{path}' is outside of the store.");
        Check.That(!Encoding.UTF8.GetBytes(name).AsSpan().Contains((byte)0), () => $"{what} ends early for the system.");
    }
}
