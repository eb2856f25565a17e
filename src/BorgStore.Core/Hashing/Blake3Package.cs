using System.Reflection;
using System.Runtime.Loader;

namespace BorgStore.Hashing;

/// <summary>Loads the package Blake3 in PowerShell, where another module may have loaded another version of it.</summary>
/// <remarks>There it is loaded from the folder of Core into a context of its own. A program has the package among its own assemblies, so that
/// the runtime finds it without this.</remarks>
internal static class Blake3Package
{
    private const string Name = "Blake3";
    private static readonly string FilePath = Path.Combine(AppContext.BaseDirectory, Path.GetDirectoryName(Core.Location) ?? "", Name + ".dll");
    private static readonly Lazy<Assembly> Isolated = new(() => new AssemblyLoadContext(Name).LoadFromAssemblyPath(FilePath));

    private static Assembly Core => typeof(Blake3Package).Assembly;

    /// <summary>Registers the loading, which has to be done before code that uses the package is compiled.</summary>
    public static void Register() => AssemblyLoadContext.GetLoadContext(Core)!.Resolving += (_, name) => IsWanted(name) ? Isolated.Value : null;

    // Other modules ask too, and not for the version that is here.
    private static bool IsWanted(AssemblyName name) =>
        name.Name == Name && File.Exists(FilePath) && AssemblyName.GetAssemblyName(FilePath).Version == name.Version;
}
