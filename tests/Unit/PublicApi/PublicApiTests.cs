using System.Reflection;
using System.Runtime.CompilerServices;
using PublicApiGenerator;

namespace BorgStore.Tests.PublicApi;

/// <summary>The public API only changes on purpose: the approved surface is in a file beside this one.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void BorgStore_Core_has_the_approved_public_surface() => Check(typeof(Store).Assembly);

    [Fact]
    public void The_public_surface_of_BorgStore_Core_exposes_no_third_party_types()
    {
        var core = typeof(Store).Assembly;
        var foreign = core.GetReferencedAssemblies().Select(a => a.Name!)
            .Where(name => !name.StartsWith("System.", StringComparison.Ordinal) && name is not "Microsoft.Win32.Primitives");
        // Core uses its package inside, and shows none of its types.
        Assert.Equal(["Blake3"], foreign);
        Assert.DoesNotContain("Blake3.", core.GeneratePublicApi(Options), StringComparison.Ordinal);
    }

    // The attribute names a compiler-generated type, whose number changes with any member.
    private static readonly ApiGeneratorOptions Options = new()
    {
        IncludeAssemblyAttributes = false,
        ExcludeAttributes = [typeof(AsyncIteratorStateMachineAttribute).FullName!],
    };

    private static void Check(Assembly assembly, [CallerFilePath] string here = "")
    {
        var name = assembly.GetName().Name + ".approved.txt";
        var found = assembly.GeneratePublicApi(Options).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var shipped = Path.Combine(AppContext.BaseDirectory, "PublicApi", name);
        var approved = File.Exists(shipped) ? File.ReadAllText(shipped).ReplaceLineEndings("\n") : "";
        if (found == approved) return;

        var received = Path.ChangeExtension(shipped, null) + ".received.txt";
        Directory.CreateDirectory(Path.GetDirectoryName(received)!);
        File.WriteAllText(received, found);
        Assert.Fail($"The public surface of {assembly.GetName().Name} has changed:\n\n{Difference(approved, found)}\n\n"
            + $"If that is meant, approve it, and tell of it in CHANGELOG.md: copy '{received}' over '{Path.Combine(Path.GetDirectoryName(here)!, name)}'.");
    }

    // The removed and the added lines.
    private static string Difference(string approved, string found)
    {
        var (before, after) = (approved.Split('\n'), found.Split('\n'));
        return string.Join('\n', before.Except(after).Select(line => "- " + line.Trim()).Concat(after.Except(before).Select(line => "+ " + line.Trim())));
    }
}
