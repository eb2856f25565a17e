using System.Reflection;
using System.Runtime.Loader;

namespace BorgStore;

/// <summary>Parts of the library with their own dependencies, each loaded when it is first used.</summary>
/// <remarks>PowerShell runs all modules in one process, and another module may have loaded another version of the same dependency. So such a part
/// is in its own folder beside Core, and is loaded with everything in it into its own context, which shares only Core and the framework.</remarks>
internal static class IsolatedAssemblies
{
    /// <summary>Loads the assembly <c>BorgStore.NAME</c> and returns a static method of it, which the caller keeps: each call loads it again.</summary>
    /// <param name="name">The name.</param>
    /// <param name="type">The full name of the class.</param>
    /// <param name="method">The name of the method.</param>
    public static T Load<T>(string name, string type, string method)
        where T : Delegate
    {
        return LoadAssembly(name).GetType(type, throwOnError: true)!.GetMethod(method, BindingFlags.Public | BindingFlags.Static)!.CreateDelegate<T>();
    }

    private static Assembly LoadAssembly(string name)
    {
        var home = Path.GetDirectoryName(typeof(IsolatedAssemblies).Assembly.Location) is { Length: > 0 } own ? own : AppContext.BaseDirectory;
        var (assemblyName, folder) = ($"BorgStore.{name}", Path.Combine(home, name));
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
            var core = typeof(IsolatedAssemblies).Assembly;
            // It must be this very Core, wherever it was loaded from: another one would have different types of the same names.
            if (assemblyName.Name == core.GetName().Name) return core;
            var file = Path.Combine(folder, assemblyName.Name + ".dll");
            return File.Exists(file) ? LoadFromAssemblyPath(file) : null;
        }
    }
}
