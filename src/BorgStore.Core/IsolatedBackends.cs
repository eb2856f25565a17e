using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.Loader;
using BorgStore.Backends;

namespace BorgStore;

/// <summary>Backends with their own dependencies, each loaded when it is first used.</summary>
/// <remarks>PowerShell runs all modules in one process, and another module may have loaded another version of the same dependency. So such a backend
/// is in its own folder beside Core, and is loaded with everything in it into its own context, which shares only Core and the framework.</remarks>
internal static class IsolatedBackends
{
    private static readonly ConcurrentDictionary<string, Lazy<Func<string, BackendOptions, IBackend>>> Loaded = new();

    /// <summary>Creates a backend of the assembly <c>BorgStore.NAME</c>, whose class
    /// <c>BorgStore.Backends.NAME.NAMEBackend</c> has a static method <c>Create</c>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="url">The URL of the store.</param>
    /// <param name="options">The options of the backend.</param>
    public static IBackend Create(string name, string url, BackendOptions options)
        => Loaded.GetOrAdd(name, name => new(() => Load(name), LazyThreadSafetyMode.PublicationOnly)).Value(url, options);

    private static Func<string, BackendOptions, IBackend> Load(string name)
    {
        var core = typeof(IsolatedBackends).Assembly;
        var home = Path.GetDirectoryName(core.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;
        var assembly = LoadAssembly($"BorgStore.{name}", Path.Combine(home, name));
        return assembly.GetType($"BorgStore.Backends.{name}.{name}Backend", throwOnError: true)!
            .GetMethod("Create", BindingFlags.Public | BindingFlags.Static)!
            .CreateDelegate<Func<string, BackendOptions, IBackend>>();
    }

    private static Assembly LoadAssembly(string assemblyName, string folder)
    {
        var file = assemblyName + ".dll";
        if (File.Exists(Path.Combine(folder, file))) return new Context(assemblyName, folder).LoadFromAssemblyPath(Path.Combine(folder, file));
        // A program that references the package has it and its dependencies in its own folder.
        try
        {
            return Assembly.Load(new AssemblyName(assemblyName));
        }
        catch (FileNotFoundException e)
        {
            throw new StoreException(StoreError.NotSupported,
                $"The BorgStore component for these URLs, {file}, was found neither next to BorgStore.Core.dll nor in its folder '{Path.GetFileName(folder)}'. In PowerShell, reinstall the whole module; in a program, add the package: dotnet add package {assemblyName}.",
                innerException: e);
        }
    }

    private sealed class Context(string name, string folder) : AssemblyLoadContext(name)
    {
        protected override Assembly? Load(AssemblyName assemblyName)
        {
            var core = typeof(IsolatedBackends).Assembly;
            // It must be this very Core, wherever it was loaded from: another one would have different types of the same names.
            if (assemblyName.Name == core.GetName().Name) return core;
            var file = Path.Combine(folder, assemblyName.Name + ".dll");
            return File.Exists(file) ? LoadFromAssemblyPath(file) : null;
        }
    }
}
